"""When a voucher claimed at a moment may be used (domain-rules §4). Pure functions."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache

from dateutil.relativedelta import relativedelta

from core.clock import TIME_ZONE
from vouchers.rules.model import Validity


def day_start(moment: datetime, days: int = 0) -> datetime:
    """Return local midnight of the day of ``moment``, ``days`` later."""
    return _midnight(moment.astimezone(TIME_ZONE).date()) + timedelta(days=days)


@lru_cache(maxsize=64)
def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), TIME_ZONE)


def validity_window(
    rule: Validity, *, claimed_at: datetime, campaign_ends_at: datetime
) -> tuple[datetime, datetime]:
    """Return ``[valid_from, valid_until)`` of a voucher claimed at ``claimed_at``.

    72 h claimed 2024-03-30 09:00 with the campaign ending 03-31 24:00 → until 2024-04-01 00:00;
    7 natural days including the claim day, 02-13 10:00 → 02-20 00:00; to the 7th day counted from
    the next, 06-13 20:00 → 06-21 00:00; same day, 08-23 09:00 → 08-24 00:00.
    """
    starts = day_start(claimed_at, 1) if rule.starts == "NEXT_DAY" else claimed_at
    match rule.mode:
        case "HOURS":
            until = starts + timedelta(hours=rule.value)
        case "CLAIM_DAY":
            until = day_start(claimed_at, 1)
        case "NATURAL_DAYS":
            until = day_start(claimed_at, rule.value)
        case "NATURAL_DAYS_FROM_NEXT":
            until = day_start(claimed_at, rule.value + 1)
        case "MONTH_END":
            until = _month_end(claimed_at)
        case "ROUND_END":
            until = _round_end(rule, claimed_at)
        case "FIXED_WINDOW":
            if rule.fixed_from is None or rule.fixed_until is None:
                raise ValueError("a fixed window needs both ends")
            starts = max(starts, rule.fixed_from)
            until = rule.fixed_until
        case "CAMPAIGN_END":
            until = campaign_ends_at
    return starts, min(until, campaign_ends_at)


def _month_end(moment: datetime) -> datetime:
    """Return the first midnight of the next month."""
    first = day_start(moment) + relativedelta(day=1)
    return first + relativedelta(months=1)


def _round_end(rule: Validity, claimed_at: datetime) -> datetime:
    """Return the end of the round of ``claimed_at``; before the first round, that of the first."""
    if rule.fixed_from is None:
        raise ValueError("rounds need their beginning")
    length = timedelta(days=rule.value)
    passed = max(0, (claimed_at - rule.fixed_from) // length)
    return rule.fixed_from + (passed + 1) * length
