"""Pages of the redemption room for staff; importing the modules registers them."""

from redemption.admin import forecast, lines, payment_codes, redemptions, settlement, steps

__all__ = ["forecast", "lines", "payment_codes", "redemptions", "settlement", "steps"]
