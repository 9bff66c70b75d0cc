"""Named checks of what must always be true; each is one SQL query that returns no row."""
