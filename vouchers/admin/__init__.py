"""Pages of the vouchers room for staff; importing the modules registers them."""

from vouchers.admin import (
    audiences,
    batches,
    claims,
    controls,
    editor,
    grants,
    persons,
    releases,
)

__all__ = ["audiences", "batches", "claims", "controls", "editor", "grants", "persons", "releases"]
