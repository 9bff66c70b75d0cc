"""Working days of the official calendar (国务院办公厅放假安排) and plain day arithmetic."""

from datetime import date, timedelta

import chinese_calendar
from django.utils.translation import gettext as _

_ONE_DAY = timedelta(days=1)


class CalendarYearUnknownError(LookupError):
    """The official holiday arrangement of a year is not known here; settlement must not guess."""

    def __init__(self, day: date) -> None:
        """Keep the day that could not be decided."""
        super().__init__(_("没有 %(year)s 年的放假安排，请先更新工作日历") % {"year": day.year})
        self.day = day


def is_working_day(day: date) -> bool:
    """Tell whether ``day`` is a working day, make-up days (调休) included.

    Raises:
        CalendarYearUnknownError: the year's arrangement has not been published to this release.
    """
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError as error:
        raise CalendarYearUnknownError(day) from error


def add_working_days(day: date, count: int) -> date:
    """Return the ``count``-th working day after ``day`` (T+N); 0 gives ``day`` itself.

    Raises:
        CalendarYearUnknownError: as `is_working_day`.
        ValueError: a negative count.
    """
    if count < 0:
        raise ValueError("working days are counted forward")
    while count:
        day += _ONE_DAY
        count -= is_working_day(day)
    return day


def add_natural_days(day: date, count: int) -> date:
    """Return the day ``count`` natural days after ``day`` (D+N)."""
    return day + timedelta(days=count)
