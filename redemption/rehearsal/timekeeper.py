"""Moves the business clock as architecture.md says (Ids and time): only when all work is done.

Stop sending, wait until outbox, queues and due ticks are empty, move, wait 500 ms, go on.
"""

import time
from collections import Counter
from datetime import datetime

import redis
import structlog
from celery import current_app
from django.conf import settings

from core import clock
from core.jobs.models import Job
from core.jobs.schedules import TICK_TASK, job_ticks_due, pollers, tick_jobs
from core.outbox.models import Delivery
from vouchers.models import QuotaRelease
from vouchers.services.fall_backs import fall_backs_due
from vouchers.states import ReleaseState

log = structlog.get_logger(__name__)

SETTLE_S = 0.5
KNOWN_S = clock.CACHE_S + 0.05
"""After this every process has seen that the clock was moved."""
POLL_S = 0.1
NUDGE_S = 5.0
IN_HAND_S = 30.0
PATIENCE_S = 1_200.0


class NotQuiet(Exception):  # noqa: N818 - what is wrong, in the operator's words
    """Work that was due did not get done in time; the message names it."""


def advance(to: datetime) -> None:
    """Wait for quiet, move the clock to ``to`` (never back), and wait for quiet again.

    Raises:
        NotQuiet: work that was due did not get done in twenty minutes.
    """
    wait_for_quiet()
    if to > clock.now():
        clock.clock_move(to=to)
        moved = time.monotonic()
        time.sleep(KNOWN_S)
        for poller in pollers():
            current_app.send_task(poller.task, queue=poller.queue)
        wait_for_quiet()
        time.sleep(max(0.0, moved + SETTLE_S - time.monotonic()))


def wait_for_quiet() -> None:
    """Return when nothing is due: no release, tick, job, event or message is waiting.

    Beat would send the same messages within seconds; sending them at once saves the wait and is
    harmless, since every task is safe to run twice.

    Raises:
        NotQuiet: names what is still waiting after twenty minutes.
    """
    started = time.monotonic()
    nudged = 0.0
    seen: Counter[str] = Counter()
    while True:
        now = clock.now()
        due = [job for job in tick_jobs() if job_ticks_due(job, now)]
        waiting = [f"tick {job.name}" for job in due] + _waiting(now)
        if not waiting:
            seconds = round(time.monotonic() - started, 1)
            log.info("quiet", now=now.isoformat(), seconds=seconds, waited_for=dict(seen))
            return
        seen.update(waiting)
        if time.monotonic() - started > PATIENCE_S:
            raise NotQuiet(f"still waiting for {', '.join(waiting)}")
        if time.monotonic() - nudged > NUDGE_S:
            for job in due:
                current_app.send_task(TICK_TASK, args=[job.name], queue=job.queue)
            nudged = time.monotonic()
        time.sleep(POLL_S)


def _waiting(now: datetime) -> list[str]:
    """Name what else is due at ``now`` and not done."""
    waiting = []
    due = QuotaRelease.objects.filter(
        state=ReleaseState.PLANNED, slot__lte=now, batch__campaign__state="LIVE"
    )
    if due.exists() or fall_backs_due(now=now).exists():
        waiting.append("releases")
    if Job.objects.filter(state__in=(Job.State.QUEUED, Job.State.RUNNING)).exists():
        waiting.append("jobs")
    if Delivery.objects.filter(state=Delivery.State.PENDING).exists():
        waiting.append("events")
    return waiting + [f"queue {name}" for name in _busy_queues()]


def _busy_queues() -> list[str]:
    with redis.Redis.from_url(settings.CELERY_BROKER_URL) as broker:
        names = [queue.name for queue in settings.CELERY_TASK_QUEUES]
        busy = [name for name in names if broker.llen(name)]
        # What a worker took and never finished because it was killed comes back by itself much
        # later; its work is due again in the database, which decides.
        taken_since = time.time() - IN_HAND_S
        in_hand = broker.zcount("unacked_index", taken_since, "+inf")
        return busy + (["unacknowledged"] if in_hand else [])
