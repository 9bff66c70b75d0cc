"""Scheduled work: each tick of a job is claimed once, missed ticks are caught up in order.

Ticks are moments of business time; claiming and time-outs go by real time.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connections
from django.db.models import F, Max, Min, Q

from core.canonical import to_plain_object
from core.clock import TIME_ZONE, wall
from core.jobs.errors import TickTakenOverError
from core.jobs.models import ScheduledTick

Work = Callable[[datetime], Mapping[str, Any] | None]

TAKE_OVER_AFTER = timedelta(minutes=16)
"""Longer than any task may run (Celery's time limit), so that only a dead worker is replaced."""

RETRY_AFTER = timedelta(seconds=30)
_INSERT = """
    INSERT INTO core_scheduledtick (job, tick_at, state, attempts, claimed_at, detail)
    VALUES (%s, %s, %s, 1, %s, '{}') ON CONFLICT (job, tick_at) DO NOTHING
"""

log = structlog.get_logger(__name__)


def tick_run(
    *,
    job: str,
    tick_at: datetime,
    work: Work,
    take_over_after: timedelta = TAKE_OVER_AFTER,
) -> ScheduledTick | None:
    """Run ``work(tick_at)`` for one tick, if nobody else does or did; returns the row, else None.

    The unique row (job, tick) decides. A tick whose work failed is free again after 30 s, one
    whose worker died after ``take_over_after``; so the work itself is safe to run twice. What it
    returns is kept as the tick's detail; what it raises is kept in short and raised again.

    Raises:
        TickTakenOverError: the work took so long that another worker replaced this one.
    """
    attempt = _claim(job, tick_at, take_over_after)
    if not attempt:
        return None
    mine = ScheduledTick.objects.filter(job=job, tick_at=tick_at, attempts=attempt)
    try:
        detail = to_plain_object(work(tick_at) or {})
    except Exception as error:
        log.warning("tick_failed", job=job, tick_at=tick_at.isoformat(), exc_info=True)
        failure = {"error": f"{type(error).__name__}: {error}".replace("\x00", "")[:500]}
        mine.update(state=ScheduledTick.State.FAILED, finished_at=wall(), detail=failure)
        raise
    if not mine.update(state=ScheduledTick.State.DONE, finished_at=wall(), detail=detail):
        raise TickTakenOverError(f"{job} {tick_at.isoformat()}")
    return mine.get()


def ticks_due(
    *,
    job: str,
    every: timedelta,
    now: datetime,
    since: datetime | None = None,
    offset: timedelta = timedelta(0),
    latest_only: bool = False,
) -> list[datetime]:
    """Return the ticks of ``job`` that are due at ``now`` and not done, in order.

    Ticks are ``every`` apart, counted from midnight (Asia/Shanghai) plus ``offset``. They begin
    after ``since``, or, for a job that never ran and has none, with the latest one. With
    ``latest_only`` (sweeps) missed ticks are skipped.
    """
    last = _at_or_before(now, every, offset)
    if latest_only:
        start = last
    else:
        start = _first_open(job, every, offset) or _first_after(since, every, offset) or last
    ticks = []
    tick = start
    while tick <= last:
        ticks.append(tick)
        tick += every
    done = set(
        ScheduledTick.objects.filter(
            job=job, tick_at__gte=start, state=ScheduledTick.State.DONE
        ).values_list("tick_at", flat=True)
    )
    return [tick for tick in ticks if tick not in done]


def _claim(job: str, tick_at: datetime, take_over_after: timedelta) -> int:
    """Claim a tick; returns the number of the attempt, 0 if it is not to be had."""
    moment = wall()
    with connections["default"].cursor() as cursor:
        cursor.execute(_INSERT, [job, tick_at, ScheduledTick.State.CLAIMED, moment])
        if cursor.rowcount:
            return 1
    tick = ScheduledTick.objects.get(job=job, tick_at=tick_at)
    free = Q(state=ScheduledTick.State.FAILED, finished_at__lte=moment - RETRY_AFTER) | Q(
        state=ScheduledTick.State.CLAIMED, claimed_at__lte=moment - take_over_after
    )
    taken = ScheduledTick.objects.filter(free, pk=tick.pk, attempts=tick.attempts).update(
        state=ScheduledTick.State.CLAIMED,
        attempts=F("attempts") + 1,
        claimed_at=moment,
        finished_at=None,
    )
    return tick.attempts + 1 if taken else 0


def _first_open(job: str, every: timedelta, offset: timedelta) -> datetime | None:
    """Return the earliest tick not done, else the one after the last done; None if none ran."""
    found = ScheduledTick.objects.filter(job=job).aggregate(
        open=Min("tick_at", filter=~Q(state=ScheduledTick.State.DONE)), last=Max("tick_at")
    )
    return found["open"] or _first_after(found["last"], every, offset)


def _first_after(moment: datetime | None, every: timedelta, offset: timedelta) -> datetime | None:
    return _at_or_before(moment, every, offset) + every if moment else None


def _at_or_before(moment: datetime, every: timedelta, offset: timedelta) -> datetime:
    local = moment.astimezone(TIME_ZONE)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    # A fixed origin, so that ticks longer than a day keep their rhythm.
    origin = midnight.replace(year=2001, month=1, day=1) + offset
    return origin + (local - origin) // every * every
