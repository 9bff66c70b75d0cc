"""Long work: create a job, run it once at a time, start again what a dead worker left.

The row says what is to be done, the broker only wakes a worker up. A worker holds an advisory
lock for as long as it runs a job: when it dies the lock goes with its connection, and the next
message, or the sweep, lets another worker begin again.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from celery import current_app
from django.db import connections
from django.db import transaction as django_transaction

from core.access.models import User
from core.audit.services import audit_record
from core.canonical import to_plain_object
from core.clock import now as business_now
from core.errors import DomainError
from core.jobs.models import Job
from core.jobs.progress import Progress
from core.jobs.registry import job_kind
from core.transactions import transaction_joined

RUN_TASK = "core.jobs.tasks.job_run"
QUEUE = "reports"

log = structlog.get_logger(__name__)


def job_create(
    *,
    kind: str,
    params: Mapping[str, Any],
    owner_region: str,
    created_by: User | None,
    now: datetime,
    title: str = "",
) -> Job:
    """Queue a job of a registered kind; it starts after the caller's transaction commits.

    ``params`` is canonical JSON without personal data; ``title`` defaults to the kind's.

    Raises:
        LookupError: the kind is not registered.
    """
    registered = job_kind(kind)
    with transaction_joined():
        job = Job.objects.create(
            kind=kind,
            title=title or registered.title,
            params=to_plain_object(params),
            owner_region=owner_region,
            created_by=created_by,
            created_at=now,
        )
        audit_record(
            action="job.create",
            subject_type="job",
            subject_id=job.pk,
            now=now,
            actor=created_by,
            owner_region=owner_region,
            data={"kind": kind, "params": job.params},
        )
        django_transaction.on_commit(partial(job_send, job_id=job.pk), robust=True)
    return job


def job_send(*, job_id: UUID) -> None:
    """Wake a worker for a job; sending twice does no harm."""
    current_app.send_task(RUN_TASK, args=[str(job_id)], queue=QUEUE, ignore_result=True)


def job_run(*, job_id: UUID, now: datetime) -> Job | None:
    """Run a queued job to its end and return it; None if it is finished or runs elsewhere.

    An error of the runner is written to the job, not raised: a domain error in its own words,
    anything else with its class only, the traceback goes to the log.
    """
    with _sole_runner(job_id) as sole:
        if not sole:
            return None
        unfinished = Job.objects.filter(pk=job_id, state__in=[Job.State.QUEUED, Job.State.RUNNING])
        if not unfinished.update(state=Job.State.RUNNING, started_at=now, message=""):
            return None
        job = Job.objects.get(pk=job_id)
        progress = Progress(job.pk)
        try:
            result = to_plain_object(job_kind(job.kind).runner(job, progress))
        except Exception as error:  # a job that fails says so in its row
            log.warning("job_failed", job=str(job_id), kind=job.kind, exc_info=True)
            state, message, result = Job.State.FAILED, _words(error), {}
        else:
            state, message = Job.State.DONE, progress.message
        Job.objects.filter(pk=job_id).update(
            state=state,
            message=message.replace("\x00", ""),
            result=result,
            done=progress.done,
            total=progress.total,
            finished_at=business_now(),
        )
    job.refresh_from_db()
    return job


def jobs_sweep() -> int:
    """Wake workers for jobs that wait, or whose worker died; returns how many were sent."""
    waiting = list(Job.objects.filter(state=Job.State.QUEUED).order_by("created_at", "pk")[:100])
    running = Job.objects.filter(state=Job.State.RUNNING).order_by("created_at", "pk")
    lost = [job for job in running if _is_idle(job.pk)]
    for job in [*lost, *waiting]:
        job_send(job_id=job.pk)
    return len(lost) + len(waiting)


def _words(error: Exception) -> str:
    if isinstance(error, DomainError):
        reasons = [param.reason for param in error.invalid_params]
        return "；".join([error.text.title_zh, *reasons])
    return type(error).__name__


@contextmanager
def _sole_runner(job_id: UUID) -> Iterator[bool]:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_lock_key(job_id)])
        sole = bool(cursor.fetchone()[0])
    try:
        yield sole
    finally:
        if sole:
            with connections["default"].cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_lock_key(job_id)])


def _is_idle(job_id: UUID) -> bool:
    with _sole_runner(job_id) as sole:
        return sole


def _lock_key(job_id: UUID) -> int:
    # The random half of a UUIDv7, as the signed 64 bits PostgreSQL wants.
    return (job_id.int & ((1 << 64) - 1)) - (1 << 63)
