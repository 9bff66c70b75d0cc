"""The operations that have a front of their own, and what decides them (docs/decisions)."""

from typing import Final

from core.api.hot_calls import Route
from redemption.api.hot import CONFIRM, HOLD, PAYMENT_CODE, QUOTE
from vouchers.api.hot import CLAIM, PERSON

HOT_ROUTES: Final[tuple[Route, ...]] = (CLAIM, PERSON, PAYMENT_CODE, QUOTE, HOLD, CONFIRM)
DECIDER: Final = "config.decider"
"""The module of the process that each front starts."""
