"""Views of the redemption API: parse, one call, translate."""
