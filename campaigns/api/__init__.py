"""The campaigns room's part of API v1."""
