"""Days that come back (周期发放), told by a recurrence rule of RFC 5545. Pure functions.

Only rules of whole days are taken: the times of a calendar say the hours, and the campaign when it
is over. So no rule fires each second, and none is looked for beyond the campaign.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, time

from dateutil.rrule import rrulestr
from django.utils.translation import gettext as _

ALLOWED = {
    "DAILY": frozenset({"INTERVAL", "COUNT", "BYDAY"}),
    "WEEKLY": frozenset({"INTERVAL", "COUNT", "BYDAY", "WKST"}),
    "MONTHLY": frozenset({"INTERVAL", "COUNT", "BYDAY", "BYMONTHDAY", "BYSETPOS"}),
    "YEARLY": frozenset({"INTERVAL", "COUNT", "BYDAY", "BYMONTHDAY", "BYSETPOS", "BYMONTH"}),
}
"""What may be said beside each frequency."""
BOUNDS = {"INTERVAL": 366, "COUNT": 1_000, "BYMONTHDAY": 31, "BYMONTH": 12, "BYSETPOS": 31}
NEGATIVE = frozenset({"BYMONTHDAY", "BYSETPOS"})
_NUMBERS = re.compile(r"-?[1-9][0-9]{0,3}(,-?[1-9][0-9]{0,3})*")
_DAYS = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)(,([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU))*")


def recurrence_problems(rule: str) -> Iterator[str]:
    """Yield in words what is wrong in a rule such as ``FREQ=MONTHLY;BYMONTHDAY=18``."""
    pairs = [part.partition("=")[::2] for part in rule.split(";")]
    parts = dict(pairs)
    allowed = ALLOWED.get(parts.pop("FREQ", ""))
    if allowed is None or len(parts) + 1 != len(pairs):
        yield _("应写明 FREQ=DAILY、WEEKLY、MONTHLY 或 YEARLY，各项不重复")
        return
    for name, value in parts.items():
        if name not in allowed:
            yield _("此处不能使用 %(name)s") % {"name": name}
        elif name in BOUNDS:
            yield from _numbers_problems(name, value)
        elif not _DAYS.fullmatch(value):
            yield _("%(name)s 应为星期代码，如 MO,FR") % {"name": name}


def recurring_days(rule: str, first: date, last: date) -> set[date]:
    """Return the days of a sound rule from ``first`` to ``last``, counted from ``first``."""
    begins, ends = datetime.combine(first, time()), datetime.combine(last, time())
    return {one.date() for one in rrulestr(rule, dtstart=begins).between(begins, ends, inc=True)}


def _numbers_problems(name: str, value: str) -> Iterator[str]:
    most, least = BOUNDS[name], -BOUNDS[name] if name in NEGATIVE else 1
    numbers = [int(one) for one in value.split(",")] if _NUMBERS.fullmatch(value) else [0]
    single = name in ("INTERVAL", "COUNT") and len(numbers) > 1
    if single or not all(least <= number <= most and number for number in numbers):
        yield _("%(name)s 应在 %(least)s 至 %(most)s 之间，且不为 0") % {
            "name": name,
            "least": least,
            "most": most,
        }
