"""Use cases of the campaigns room."""
