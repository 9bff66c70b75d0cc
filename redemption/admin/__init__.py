"""Pages of the redemption room for staff; importing the modules registers them."""

from redemption.admin import payment_codes, redemptions, settlement, steps

__all__ = ["payment_codes", "redemptions", "settlement", "steps"]
