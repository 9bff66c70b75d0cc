"""What a stage of the trace is made of; knows neither the database nor HTML."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from core.clock import TIME_ZONE


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of a stage; ``page`` and ``key`` name the admin page it links to, if any."""

    label: str
    value: str
    page: str = ""
    key: Any = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a caption; the last ``amounts`` columns are amounts in yuan."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    amounts: int = 1

    @property
    def first_amount(self) -> int:
        """Number of the first amount column, counted from 1."""
        return len(self.columns) - self.amounts + 1


@dataclass(frozen=True, slots=True)
class Stage:
    """One station of the way; without facts and tables it has not happened yet (``pending``)."""

    title: str
    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()
    pending: str = ""
    tags: tuple[str, ...] = ()


def moment(value: datetime | None) -> str:
    """Write a moment as staff read it; a dash for none."""
    return "-" if value is None else value.astimezone(TIME_ZONE).strftime("%Y-%m-%d %H:%M:%S")


def day(value: date | None) -> str:
    """Write a date; a dash for none."""
    return "-" if value is None else value.isoformat()


def names(people: Iterable[Any]) -> str:
    """Write names of staff one after the other; a dash for none."""
    return "、".join(str(person) for person in people) or "-"
