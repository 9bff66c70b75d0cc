"""What runs by itself: pollers by real time, and jobs with ticks of business time.

Rooms register their schedules when they are ready; ``manage.py schedules_sync`` writes them for
Celery beat. Beat only wakes a worker up: a poller looks for work that is due, a tick job asks the
table which ticks are.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.jobs.ticks import Work, tick_run, ticks_due

TICK_TASK = "core.jobs.tasks.tick_job_run"
MAX_TICKS_PER_RUN = 50


@dataclass(frozen=True, slots=True)
class Poller:
    """A task that beat sends every ``every_s`` seconds of real time, without arguments."""

    name: str
    task: str
    queue: str
    every_s: int


@dataclass(frozen=True, slots=True)
class TickJob:
    """Work per tick of business time: every ``every`` from midnight plus ``offset``.

    ``work(tick_at)`` is safe to run twice. Missed ticks are caught up one by one, or skipped but
    for the latest with ``latest_only`` (sweeps). Beat looks every ``poll_s`` real seconds.
    """

    name: str
    work: Work
    queue: str
    every: timedelta
    offset: timedelta = timedelta(0)
    latest_only: bool = False
    poll_s: int = 5


_pollers: dict[str, Poller] = {}
_tick_jobs: dict[str, TickJob] = {}


def poller_register(poller: Poller) -> None:
    """Register a poller; raises ValueError if another one has the name."""
    if _pollers.setdefault(poller.name, poller) != poller:
        raise ValueError(f"poller registered twice: {poller.name}")


def tick_job_register(job: TickJob) -> None:
    """Register a tick job; raises ValueError if another one has the name."""
    if _tick_jobs.setdefault(job.name, job) != job:
        raise ValueError(f"tick job registered twice: {job.name}")


def pollers() -> tuple[Poller, ...]:
    """Return every registered poller, by name."""
    return tuple(_pollers[name] for name in sorted(_pollers))


def tick_jobs() -> tuple[TickJob, ...]:
    """Return every registered tick job, by name."""
    return tuple(_tick_jobs[name] for name in sorted(_tick_jobs))


def tick_job(name: str) -> TickJob:
    """Return a tick job by name.

    Raises:
        LookupError: no room registered it.
    """
    try:
        return _tick_jobs[name]
    except KeyError:
        raise LookupError(f"unknown tick job {name!r}") from None


def tick_job_run(*, name: str, now: datetime, since: datetime | None = None) -> list[datetime]:
    """Run the due ticks of a job in order and return those that this call ran.

    Stops at the first tick that another worker holds or whose work fails, so that ticks never
    overtake each other; a sweep has only one.
    """
    job = tick_job(name)
    due = job_ticks_due(job, now, since)
    ran: list[datetime] = []
    for tick_at in due[:MAX_TICKS_PER_RUN]:
        if tick_run(job=job.name, tick_at=tick_at, work=job.work) is None:
            break
        ran.append(tick_at)
    return ran


def job_ticks_due(job: TickJob, now: datetime, since: datetime | None = None) -> list[datetime]:
    """Return the ticks of ``job`` that are due at ``now`` and not done, in order."""
    return ticks_due(
        job=job.name,
        every=job.every,
        offset=job.offset,
        now=now,
        since=since,
        latest_only=job.latest_only,
    )
