"""How scheduled work is doing, for health page and dashboard."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Q

from core.clock import clock_state, wall
from core.jobs.models import ScheduledTick
from core.jobs.schedules import TickJob, job_ticks_due, tick_jobs

LATE_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class TickHealth:
    """One scheduled job: its last tick done, ticks due and not done, failures among them.

    ``late`` tells that its oldest due tick is more than five minutes old, and that no move of the
    business clock less than five real minutes ago explains it. A job that never ran is not late:
    a new installation has no ticks yet.
    """

    job: str
    last_done: datetime | None
    due: int
    failed: int
    late: bool


def ticks_health(*, now: datetime) -> list[TickHealth]:
    """Return the health of every registered tick job."""
    done = Q(state=ScheduledTick.State.DONE)
    rows = (
        ScheduledTick.objects.filter(job__in=[job.name for job in tick_jobs()])
        .order_by()
        .values_list("job")
        .annotate(last=Max("tick_at", filter=done))
    )
    last_done = dict(rows)
    failed = set(
        ScheduledTick.objects.filter(state=ScheduledTick.State.FAILED).values_list("job", "tick_at")
    )
    known = set(last_done) | {name for name, _ in failed}
    clock_settled = wall() - clock_state().wall_anchor > LATE_AFTER
    healths = []
    for job in tick_jobs():
        due = job_ticks_due(job, now)
        healths.append(
            TickHealth(
                job=job.name,
                last_done=last_done.get(job.name),
                due=len(due),
                failed=sum((job.name, tick) in failed for tick in due),
                late=clock_settled
                and job.name in known
                and bool(due)
                and _due_since(job, due, last_done.get(job.name)) < now - LATE_AFTER,
            )
        )
    return healths


def _due_since(job: TickJob, due: Sequence[datetime], last_done: datetime | None) -> datetime:
    """Return the oldest tick that should have run, also where a sweep would skip it now.

    The latest tick of a job every five minutes is never older than that, however long nobody ran.
    """
    missed = due[0] if last_done is None else last_done + job.every
    return min(due[0], missed) if job.latest_only else due[0]


def ticks_open(*, older_than: timedelta) -> int:
    """Count ticks claimed more than ``older_than`` of real time ago and not done."""
    return (
        ScheduledTick.objects.filter(claimed_at__lt=wall() - older_than)
        .exclude(state=ScheduledTick.State.DONE)
        .count()
    )


def tick_last_done(*, job: str) -> tuple[datetime, dict[str, Any]] | None:
    """Return the latest tick done of a job and what its work returned, or None."""
    tick = (
        ScheduledTick.objects.filter(job=job, state=ScheduledTick.State.DONE)
        .order_by("-tick_at", "-pk")
        .first()
    )
    return (tick.tick_at, tick.detail) if tick else None
