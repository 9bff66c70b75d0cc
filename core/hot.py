"""Shared by the hot services: grouping, the call of their SQL function, and its refusals.

A hot service is Python rules plus one SQL function (architecture.md, A hot service has three
steps); this module holds what the three have in common.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, NamedTuple, ParamSpec, TypeVar
from uuid import UUID

import orjson
from django.db import OperationalError

from core.clock import TIME_ZONE
from core.errors import DomainError, Refusal
from core.errors.translate import sqlstate_of
from core.transactions import statement_alone, transaction_is_open

C = TypeVar("C")
P = ParamSpec("P")
R = TypeVar("R")
HOT_LOCK_TIMEOUT_MS = 1_000
"""Groups queue up behind each other for milliseconds; a longer wait is somebody else's lock."""
STATEMENT_TIMED_OUT = "57014"
TRY_LATER = Refusal("infra.try_later")
OutcomeName = Literal["ACCEPTED", "REPLAY", "REFUSED"]
_TIMES = frozenset({"opens_at", "next_release_at", "until", "valid_until"})


class HotRow(NamedTuple):
    """One row a hot function answered: what became of command ``ord`` of the group.

    ``fact_id`` may be missing of what was accepted: whoever made the id has it.
    """

    ord: int
    outcome: OutcomeName
    fact_id: UUID | None
    refusals: tuple[Refusal, ...]
    number: int | None = None
    """Of a claim, the number of its first voucher; the other functions give none."""


def rounds(commands: Iterable[C], keys: Callable[[C], Iterable[Hashable]]) -> Iterator[list[C]]:
    """Split commands into rounds in which no two share a key; order within a key is kept.

    Two commands that share an idempotency key, limit key or voucher are never decided together:
    the first goes now, the rest in the next call.
    """
    left = list(commands)
    while left:
        taken: set[Hashable] = set()
        now: list[C] = []
        later: list[C] = []
        for command in left:
            wanted = set(keys(command))
            # A postponed command's keys count too, or a later one would overtake it.
            (later if wanted & taken else now).append(command)
            taken |= wanted
        yield now
        left = later


def hot_call(function: str, arguments: Sequence[UUID | date | str | int | None]) -> list[HotRow]:
    """Call a hot SQL function for a group of commands; one row per command.

    The group is spelled by `json_text` or, column by column, by `array_text`. The call is a
    transaction of its own, or part of the caller's.
    """
    marks = ", ".join(["%s"] * len(arguments))
    rows = statement_alone(
        f"SELECT * FROM {function}({marks})",  # noqa: S608 - a name of ours
        arguments,
        lock_timeout_ms=HOT_LOCK_TIMEOUT_MS,
    )
    return [
        HotRow(order, outcome, fact_id, _refusals(refusals), *number)
        for order, outcome, fact_id, refusals, *number in rows
    ]


def json_text(value: object) -> str:
    """Spell a value as a hot function reads it."""
    return orjson.dumps(value).decode()


def array_text(values: Sequence[UUID | datetime | str | int | None]) -> str:
    """Spell a list as PostgreSQL reads an array, for a parameter whose type is known.

    JSON and arrays differ in their brackets, and in what a backslash says; the driver's own
    spelling takes several times as long.
    """
    text = orjson.dumps(values).decode()
    if "\\" in text:
        text = "," + ",".join(map(_element, values)) + ","
    return "{" + text[1:-1] + "}"


def _element(value: UUID | datetime | str | int | None) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return orjson.dumps(value).decode()


def decided_or_later(decide: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
    """Return what ``decide`` says of one group; None if its rows stay locked by others.

    Groups commit one by one: that one of them has to wait must not hide what became of the rest.
    In a caller's transaction there is only one commit, so there it raises.
    """
    try:
        return decide(*args, **kwargs)
    except DomainError as error:
        if error.code != TRY_LATER.code or transaction_is_open():
            raise
    except OperationalError as error:
        if sqlstate_of(error) != STATEMENT_TIMED_OUT or transaction_is_open():
            raise
    return None


def _refusals(text: str) -> tuple[Refusal, ...]:
    return () if text == "[]" else tuple(map(_refusal, orjson.loads(text)))


def _refusal(row: Mapping[str, Any]) -> Refusal:
    data = {
        key: _time(value) if key in _TIMES else value
        for key, value in row["data"].items()
        if value is not None
    }
    return Refusal(row["code"], data)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(TIME_ZONE)


def refusal_line(refusal: Refusal) -> dict[str, Any]:
    """Spell a refusal of the Python half for the SQL function, which adds its own to it."""
    return {"code": refusal.code, "data": dict(refusal.data)}
