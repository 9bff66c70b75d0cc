"""Which rows of `Limit` and `LimitUse` a rule counts on."""

from datetime import datetime, timedelta

from core.clock import TIME_ZONE
from vouchers.rules.model import LimitRule
from vouchers.rules.validity import day_start

ALWAYS = datetime(2000, 1, 1, tzinfo=TIME_ZONE)
"""The window of a limit over the whole scope, whatever its dates."""


def limit_row_code(batch_code: str, rule: LimitRule) -> str:
    """Return the code of the `Limit` row of a rule: shared in a campaign, or of one batch.

    Two batches that name the same code with scope CAMPAIGN count together (one voucher a day over
    all tiers); with scope BATCH each counts for itself.
    """
    return rule.code if rule.scope == "CAMPAIGN" else f"{batch_code}:{rule.code}"


def window_start(rule: LimitRule, at: datetime) -> datetime:
    """Return the start of the window of ``rule`` that ``at`` falls into (weeks begin on Monday)."""
    match rule.window:
        case "DAY":
            return day_start(at)
        case "WEEK":
            return day_start(at) - timedelta(days=at.astimezone(TIME_ZONE).weekday())
        case "TOTAL":
            return ALWAYS
