"""Pages of the vouchers room for staff; importing the modules registers them."""

from vouchers.admin import batches, claims, editor, grants, persons, releases

__all__ = ["batches", "claims", "editor", "grants", "persons", "releases"]
