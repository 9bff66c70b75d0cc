"""Pages of the redemption room for staff; importing the modules registers them."""

from redemption.admin import lines, payment_codes, redemptions, settlement, steps

__all__ = ["lines", "payment_codes", "redemptions", "settlement", "steps"]
