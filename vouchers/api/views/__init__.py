"""Views of the vouchers API: parse, one call, translate."""
