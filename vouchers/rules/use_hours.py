"""In which hours of the week a voucher may be used (domain-rules §4). Pure functions."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from core.clock import TIME_ZONE
from vouchers.rules.model import UseHours
from vouchers.rules.validity import day_start

DAY = timedelta(days=1)
WEEK_DAYS = 7


def usable_at(hours: Sequence[UseHours], at: datetime) -> bool:
    """Tell whether ``at`` lies in one of the hours; without any, every moment does."""
    return not hours or any(opens <= at < closes for opens, closes in _spans(hours, at, 1))


def next_usable(hours: Sequence[UseHours], at: datetime, until: datetime) -> datetime | None:
    """Return the first moment from ``at`` on that lies in the hours; None if not before ``until``.

    Fridays 18:00–24:00, asked on a Thursday: Friday 18:00.
    """
    if not hours:
        return at if at < until else None
    openings = (max(opens, at) for opens, closes in _spans(hours, at, WEEK_DAYS) if at < closes)
    first = min(openings, default=until)
    return first if first < until else None


def _spans(
    hours: Sequence[UseHours], at: datetime, days: int
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the hours that begin on the day before ``at``, on its day, or ``days`` later."""
    for offset in range(-1, days + 1):
        midnight = day_start(at, offset)
        weekday = midnight.astimezone(TIME_ZONE).isoweekday()
        for rule in hours:
            if not rule.weekdays or weekday in rule.weekdays:
                yield _span(rule, midnight)


def _span(rule: UseHours, midnight: datetime) -> tuple[datetime, datetime]:
    opens, closes = midnight + _since_midnight(rule.opens), midnight + _since_midnight(rule.closes)
    return opens, closes if opens < closes else closes + DAY


def _since_midnight(text: str) -> timedelta:
    hour, minute = text.split(":")
    return timedelta(hours=int(hour), minutes=int(minute))
