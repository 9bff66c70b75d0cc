"""Import of an acquirer's merchant list: read safely, check every row, apply all or nothing."""
