"""How much all people together may claim in a day or week (domain-rules §2). Pure functions."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from vouchers.rules.limits import row_code, window_start
from vouchers.rules.model import BatchRules, WindowName

MARK = "#"
"""Begins the code of a cap's row, so that no limit has the same."""
_LASTS = {"DAY": timedelta(days=1), "WEEK": timedelta(days=7)}


class CapRow(NamedTuple):
    """A cap as claims from a batch count on it; ``units`` or ``amount_fen`` may be None: no cap."""

    code: str
    window: WindowName
    units: int | None
    amount_fen: int | None

    def is_full(self, used_units: int, used_fen: int, face_fen: int) -> bool:
        """Tell whether a claim of one unit with this face would be too much."""
        too_many = self.units is not None and used_units + 1 > self.units
        return too_many or (self.amount_fen is not None and used_fen + face_fen > self.amount_fen)

    def window_of(self, at: datetime) -> tuple[datetime, datetime]:
        """Return the day or week ``[from, until)`` that ``at`` falls into."""
        start = window_start(self.window, at)
        return start, start + _LASTS[self.window]


def cap_rows(batch_code: str, rules: BatchRules) -> Iterator[CapRow]:
    """Yield the caps that claims from a batch count on."""
    for rule in rules.caps:
        code = MARK + row_code(batch_code, rules.group, rule)
        yield CapRow(code, rule.window, rule.units, rule.amount_fen)
