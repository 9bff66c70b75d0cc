"""Counts of limits in memory: what `LimitUse` holds, for the rows that `limit_rows` names."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from core.errors import Refusal
from vouchers.rules.caps import CapRow
from vouchers.rules.limits import LimitRow, window_start
from vouchers.rules.refusals import group_conflict, person_limit, same_person_other_account

DOCUMENT = "DOCUMENT"
Keys = Mapping[str, int]
"""Kind of key → number of the key; two people may share one."""


class Line(NamedTuple):
    """A row a command counts on, with one of its keys."""

    row: LimitRow
    kind: str
    place: tuple[str, datetime, str, int]


class Capped:
    """What all people together have claimed, by cap and window: what `CapUse` holds."""

    def __init__(self) -> None:
        """Nothing is claimed."""
        self._units: Counter[tuple[str, datetime]] = Counter()
        self._fen: Counter[tuple[str, datetime]] = Counter()

    def refusal(self, rows: Sequence[CapRow], face_fen: int, at: datetime) -> Refusal | None:
        """Return why one more unit at ``at`` would be too much, None if it would not."""
        for row in rows:
            place = row.code, row.window_of(at)[0]
            if row.is_full(self._units[place], self._fen[place], face_fen):
                return Refusal("claim.daily_cap_reached", {"window": row.window})
        return None

    def count(self, rows: Sequence[CapRow], face_fen: int, at: datetime) -> None:
        """Count an accepted claim of one unit."""
        for row in rows:
            place = row.code, row.window_of(at)[0]
            self._units[place] += 1
            self._fen[place] += face_fen


class Counters:
    """Uses by limit row, window and key, of one side."""

    def __init__(self) -> None:
        """Nothing is used."""
        self._used: Counter[tuple[str, datetime, str, int]] = Counter()

    def lines(
        self, rows: Sequence[LimitRow], keys: Keys, at: datetime, waves: Sequence[datetime] = ()
    ) -> list[Line]:
        """Return what a command at ``at`` counts on."""
        return [
            Line(row, kind, (row.code, window_start(row.window, at, waves), kind, key))
            for row in rows
            for kind, key in keys.items()
            if kind in row.keys
        ]

    def count(self, lines: Sequence[Line]) -> None:
        """Count an accepted command of one unit."""
        for line in lines:
            if line.row.take_of_one:
                self._used[line.place] += line.row.take_of_one

    def reached(self, lines: Sequence[Line]) -> Iterator[Line]:
        """Yield the lines on which one more would be too much, the document's first."""
        for line in sorted(lines, key=lambda one: one.kind != DOCUMENT):
            if self._used[line.place] + line.row.take_of_one > line.row.cap:
                yield line

    def claim_refusals(self, lines: Sequence[Line]) -> list[Refusal]:
        """Return the refusals of a claim in the words of `vouchers.rules.refusals`."""
        return [self._claim_refusal(line) for line in self.reached(lines)]

    def use_refusals(self, lines: Sequence[Line]) -> list[Refusal]:
        """Return the refusals of a use, as the hold has them."""
        return [
            Refusal("redemption.person_limit", {"window": line.row.window, "cap": line.row.cap})
            for line in self.reached(lines)
        ]

    def _claim_refusal(self, line: Line) -> Refusal:
        row = line.row
        if row.conflicts_with:
            return group_conflict(row.conflicts_with)
        if line.kind == DOCUMENT:
            used = self._used[line.place]
            return person_limit(window=row.window, limit=row.cap, used=used)
        return same_person_other_account(
            window=row.window, limit=row.cap, kind=line.kind, masked=""
        )
