"""Pages of the redemption room for staff; importing the modules registers them."""

from redemption.admin import (
    earmarks,
    forecast,
    lines,
    payment_codes,
    redemptions,
    returns,
    settlement,
    steps,
)

__all__ = [
    "earmarks",
    "forecast",
    "lines",
    "payment_codes",
    "redemptions",
    "returns",
    "settlement",
    "steps",
]
