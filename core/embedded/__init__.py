"""PostgreSQL and Valkey for a machine without services: development, demonstration, tests."""
