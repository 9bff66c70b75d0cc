"""Template tags of the staff side."""
