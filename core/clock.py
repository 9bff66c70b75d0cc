"""The two clocks (architecture.md, Ids and time).

``now()`` is business time: waves, validity, TTLs, business dates, ticks. ``wall()`` is real time:
signatures, nonces, rate limits, sessions, time-outs, logs. Only edges read a clock; services take
``now``. Business time is one row (wall anchor, business anchor, rate) read at most every 200 ms
per process; without the row both clocks are the same.
"""

import threading
import time as monotonic_time
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction

TIME_ZONE = ZoneInfo("Asia/Shanghai")
CACHE_S = 0.2
CUTOFF = time(23, 0)
"""Default cut-off of a business date (domain-rules §10)."""

_SELECT = "SELECT wall_anchor, business_anchor, rate, moved FROM core_businessclock WHERE id = 1"
_UPSERT = """
    INSERT INTO core_businessclock (id, wall_anchor, business_anchor, rate, moved)
    VALUES (1, %s, %s, %s, true)
    ON CONFLICT (id) DO UPDATE SET wall_anchor = excluded.wall_anchor,
        business_anchor = excluded.business_anchor, rate = excluded.rate, moved = true
"""
_IN_USE = """
    SELECT EXISTS (SELECT 1 FROM core_businessclock) OR EXISTS (SELECT 1 FROM core_entry)
"""
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('xfq.business_clock'))"


@dataclass(frozen=True, slots=True)
class ClockState:
    """The row of business time: ``business_anchor + (wall − wall_anchor) × rate``."""

    wall_anchor: datetime
    business_anchor: datetime
    rate: float
    moved: bool

    def at(self, wall_time: datetime) -> datetime:
        """Translate a real time into business time."""
        if self is REAL_TIME and wall_time.tzinfo is TIME_ZONE:
            return wall_time
        elapsed = (wall_time - self.wall_anchor) * self.rate
        at = self.business_anchor + elapsed
        return at if at.tzinfo is TIME_ZONE else at.astimezone(TIME_ZONE)


_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
REAL_TIME = ClockState(wall_anchor=_EPOCH, business_anchor=_EPOCH, rate=1, moved=False)


class _Cache(threading.local):
    """The state last read by this thread; per thread, as connections are."""

    state: ClockState = REAL_TIME
    read_at: float = float("-inf")


_cache = _Cache()


def wall() -> datetime:
    """Return real time, aware, in Asia/Shanghai."""
    return datetime.now(TIME_ZONE)


def now() -> datetime:
    """Return business time, aware, in Asia/Shanghai.

    Raises:
        ImproperlyConfigured: the clock of this database was moved and the settings refuse that.
    """
    return clock_state().at(wall())


def today() -> date:
    """Return the natural day of business time in Asia/Shanghai."""
    return now().date()


def clock_state() -> ClockState:
    """Return the state of business time, at most 200 ms old.

    Raises:
        ImproperlyConfigured: the clock of this database was moved and the settings refuse that.
    """
    ticks = monotonic_time.monotonic()
    if ticks - _cache.read_at >= CACHE_S:
        _cache.state = _read()
        _cache.read_at = ticks
    if _cache.state.moved and not settings.XFQ_CLOCK_MOVABLE:
        raise ImproperlyConfigured("the business clock of this database was moved")
    return _cache.state


def clock_forget() -> None:
    """Forget the cached state, so that the next reading of this thread asks the database."""
    _cache.read_at = float("-inf")


def clock_move(*, to: datetime) -> ClockState:
    """Move business time forward to ``to``, keep its rate, and mark the database as moved.

    Raises:
        ImproperlyConfigured: the settings refuse a moved clock (production).
        ValueError: ``to`` is before the present business time.
    """
    return _clock_set(to=to, rate=None)


def clock_start(*, at: datetime) -> ClockState:
    """Let a new database's business time begin at ``at``, before or after real time.

    Only a rehearsal's database, and only before anything was booked or the clock was set: from
    then on business time goes forward alone.

    Raises:
        ImproperlyConfigured: the settings refuse a moved clock (production).
        ValueError: the clock was set before, or the ledger has entries.
    """
    _assert_movable()
    with transaction.atomic(), connections["default"].cursor() as cursor:
        cursor.execute(_LOCK)
        cursor.execute(_IN_USE)
        if cursor.fetchone()[0]:
            raise ValueError("business time of a database in use only goes forward")
        state = ClockState(wall(), at, 1, moved=True)
        cursor.execute(_UPSERT, [state.wall_anchor, state.business_anchor, state.rate])
    clock_forget()
    return state


def clock_rate_set(*, rate: float) -> ClockState:
    """Let business time run at ``rate`` from here on (0 freezes it); marks the database as moved.

    Raises:
        ImproperlyConfigured: the settings refuse a moved clock (production).
        ValueError: a negative rate.
    """
    if rate < 0:
        raise ValueError("business time never runs backwards")
    return _clock_set(to=None, rate=rate)


def business_date(at: datetime, cutoff: time = CUTOFF) -> date:
    """Return the business date (账务日期) of a moment: from the cut-off on it is the next day's."""
    local = at.astimezone(TIME_ZONE)
    return local.date() + timedelta(days=local.time() >= cutoff)


def _assert_movable() -> None:
    if not settings.XFQ_CLOCK_MOVABLE:
        raise ImproperlyConfigured("these settings do not allow to move the business clock")


def _clock_set(*, to: datetime | None, rate: float | None) -> ClockState:
    _assert_movable()
    with transaction.atomic(), connections["default"].cursor() as cursor:
        cursor.execute(_LOCK)
        current, moment = _read(), wall()
        present = current.at(moment)
        target = present if to is None else to
        if target < present:
            raise ValueError(f"business time is {present}, it never goes back to {target}")
        state = ClockState(moment, target, current.rate if rate is None else rate, moved=True)
        cursor.execute(_UPSERT, [state.wall_anchor, state.business_anchor, state.rate])
    clock_forget()
    return state


def _read() -> ClockState:
    with connections["default"].cursor() as cursor:
        cursor.execute(_SELECT)
        row = cursor.fetchone()
    if not row:
        return REAL_TIME
    # In local time, so that no reading of it is translated; the offset has not changed since 1991.
    wall_anchor, business_anchor, rate, moved = row
    return ClockState(
        wall_anchor.astimezone(TIME_ZONE), business_anchor.astimezone(TIME_ZONE), rate, moved
    )
