"""What every room's API is built from: views, fields, pages, the OpenAPI document, health."""
