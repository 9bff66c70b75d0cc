"""The redemption room's part of the API."""
