"""Which moments a definition may name: nobody plans outside of them, and arithmetic needs room."""

from datetime import date, datetime

from django.utils.translation import gettext as _

from core.clock import TIME_ZONE

FIRST_YEAR, LAST_YEAR = 2000, 2100
"""Both included, in Asia/Shanghai; the same as those of a budget year."""
_FROM = datetime(FIRST_YEAR, 1, 1, tzinfo=TIME_ZONE)
_BEFORE = datetime(LAST_YEAR + 1, 1, 1, tzinfo=TIME_ZONE)


class OutOfRangeError(ValueError):
    """A moment or day outside of the years a definition may name."""


def range_assert(value: date) -> None:
    """Check a day, or a moment with its time zone, whatever the offset it is written with.

    Raises:
        OutOfRangeError: it lies before or after the years allowed.
    """
    if isinstance(value, datetime):
        within = _FROM <= value < _BEFORE
    else:
        within = FIRST_YEAR <= value.year <= LAST_YEAR
    if not within:
        raise OutOfRangeError(value)


def range_words() -> str:
    """Say the limit."""
    return _("应在 %(first)s 年至 %(last)s 年之间") % {"first": FIRST_YEAR, "last": LAST_YEAR}
