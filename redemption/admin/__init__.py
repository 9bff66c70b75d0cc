"""Pages of the redemption room for staff; importing the modules registers them."""

from redemption.admin import earmarks, lines, payment_codes, redemptions, settlement, steps

__all__ = ["earmarks", "lines", "payment_codes", "redemptions", "settlement", "steps"]
