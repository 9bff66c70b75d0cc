"""Which rows of `Limit` and `LimitUse` a claim or use counts on. Pure functions."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from dateutil.relativedelta import relativedelta

from core.clock import TIME_ZONE
from vouchers.rules.model import BatchRules, CapRule, LimitRule, SideName, WindowName
from vouchers.rules.validity import day_start

ALWAYS = datetime(2000, 1, 1, tzinfo=TIME_ZONE)
"""The window of a limit over the whole scope, whatever its dates."""
ONLY_COUNTED = 1_000_000_000
SIDES: tuple[SideName, ...] = ("CLAIM", "REDEMPTION")


class LimitRow(NamedTuple):
    """A row of `Limit` and how a command counts on it, once per key of the kinds ``keys``.

    ``take`` is what it adds, None for its units; it is refused where more than ``cap`` would be
    used. A conflict takes nothing from a row of which nothing may be used: whoever claims from the
    other group at the same moment has to wait for the same row.
    """

    code: str
    window: WindowName
    cap: int
    keys: tuple[str, ...]
    take: int | None = None
    conflicts_with: str = ""

    @property
    def take_of_one(self) -> int:
        """What a command of one unit adds."""
        return 1 if self.take is None else self.take


def limit_rows(batch_code: str, rules: BatchRules, side: SideName) -> Iterator[LimitRow]:
    """Yield the rows that claims from a batch (or uses of its vouchers) count on."""
    mine = [rule for rule in rules.limits if rule.side == side]
    for rule in mine:
        code = row_code(batch_code, rules.group, rule)
        yield LimitRow(code, rule.window, rule.count, rule.keys)
    if side == "CLAIM" and rules.conflicts:
        kinds = tuple(sorted({kind for rule in mine for kind in rule.keys}))
        yield LimitRow(f"@{rules.group}", "TOTAL", ONLY_COUNTED, kinds)
        for group in rules.conflicts:
            yield LimitRow(f"@{group}", "TOTAL", 0, kinds, 0, group)


def counts_groups(code: str) -> bool:
    """Tell whether a row only counts who has claimed from a group, which limits nobody there."""
    return code.startswith("@") and ":" not in code


def row_code(batch_code: str, group: str, rule: LimitRule | CapRule) -> str:
    """Return the code of the row a rule counts on: shared in a campaign or group, or of one batch.

    Two batches that name the same code with scope CAMPAIGN count together (one voucher a day over
    all tiers); with scope BATCH each counts for itself.
    """
    match rule.scope:
        case "CAMPAIGN":
            return rule.code
        case "GROUP":
            return f"@{group}:{rule.code}"
        case "BATCH":
            return f"{batch_code}:{rule.code}"


def window_start(window: WindowName, at: datetime, waves: Sequence[datetime] = ()) -> datetime:
    """Return the start of the window that ``at`` falls into (weeks begin on Monday).

    ``waves`` are the slots that have come, the latest first; before the first there is none, and
    nothing can be claimed either.
    """
    match window:
        case "DAY":
            return day_start(at)
        case "WEEK":
            return day_start(at) - timedelta(days=at.astimezone(TIME_ZONE).weekday())
        case "MONTH":
            return day_start(at) + relativedelta(day=1)
        case "WAVE":
            return next((slot for slot in waves if slot <= at), ALWAYS)
        case "TOTAL":
            return ALWAYS
