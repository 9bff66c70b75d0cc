"""The vouchers room's part of API v1."""
