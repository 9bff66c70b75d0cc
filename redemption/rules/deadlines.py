"""Until when a redemption can be cancelled, and when its subsidy is expected to be paid."""

from datetime import date, datetime, time
from functools import lru_cache

from core.calendar import CalendarYearUnknownError, add_natural_days, add_working_days
from core.clock import TIME_ZONE


def cancellable_until(business_date: date, cutoff: time) -> datetime:
    """Return the end (exclusive) of a business date: the acquirer's cut-off of that day."""
    return datetime.combine(business_date, cutoff, TIME_ZONE)


@lru_cache(256)
def payout_expected_on(business_date: date, *, term_unit: str, term_days: int) -> date | None:
    """Return the day the subsidy of a business date is due: T+N working or D+N natural days.

    None where the official calendar of that year is not known yet: a payment that has been made
    never fails for want of a forecast.
    """
    if term_unit == "D":
        return add_natural_days(business_date, term_days)
    try:
        return add_working_days(business_date, term_days)
    except CalendarYearUnknownError:
        return None
