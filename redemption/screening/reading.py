"""What the rules of this room share: reading rows, numbers of peers, spelling of evidence."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import Any

from django.db import connection

from core.clock import TIME_ZONE
from core.screening.rules import RuleContext

LIST_LENGTH = 50
"""Facts shown in the list of a hit; the ids of all of them are on the hit."""


def rows(sql: str, context: RuleContext, **more: Any) -> list[dict[str, Any]]:
    """Run a rule's query with campaign, start, until and its parameters; one dict per row."""
    values: dict[str, Any] = {
        "campaign": context.campaign_id,
        "start": context.window.start,
        "until": context.window.until,
        **context.parameters,
        **more,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def basis_points(part: int, whole: int) -> int:
    """Return a share in hundredths of a percent, rounded down; evidence holds no floats."""
    return part * 10_000 // whole if whole else 0


def peers_of(values: Sequence[int]) -> dict[str, int]:
    """Return n, median and median absolute deviation of the peers' values."""
    if not values:
        return {"n": 0}
    middle = int(median(values))
    return {
        "n": len(values),
        "median": middle,
        "mad": int(median([abs(value - middle) for value in values])),
    }


def listed(facts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the timeline of a hit: the first facts in order of time, times in Shanghai."""
    return [
        {name: _spelt(name, value) for name, value in fact.items()}
        for fact in list(facts)[:LIST_LENGTH]
    ]


def _spelt(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(TIME_ZONE).isoformat(timespec="seconds")
    return str(value) if name == "redemption" else value
