"""Pages of settlement and reconciliation; importing the modules registers them."""

from redemption.admin.settlement import (
    batches,
    discrepancies,
    exceptions,
    freezes,
    lines,
    payouts,
    recon,
    statements,
)

__all__ = [
    "batches",
    "discrepancies",
    "exceptions",
    "freezes",
    "lines",
    "payouts",
    "recon",
    "statements",
]
