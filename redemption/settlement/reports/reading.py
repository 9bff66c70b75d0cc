"""What the sheets of statements share: streamed rows, the natural day, the stamp."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from core.clock import TIME_ZONE

FETCH_ROWS = 1_000


def rows_of(sql: str, parameters: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Stream rows of a statement through a server-side cursor."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, parameters)
        while rows := cursor.fetchmany(FETCH_ROWS):
            yield from rows


def day_window(campaign_id: UUID, day: date) -> dict[str, Any]:
    """Return the parameters of a campaign's natural day, half-open, in Shanghai."""
    since = datetime.combine(day, time(0), TIME_ZONE)
    return {"campaign": campaign_id, "since": since, "until": since + timedelta(days=1)}


def stamp(now: datetime) -> str:
    """Return the line that says the unit and when the sheet was made."""
    return f"单位：元　制表时间：{now.astimezone(TIME_ZONE):%Y-%m-%d %H:%M:%S}"
