"""Celery's part of long and scheduled work."""

from uuid import UUID

from celery import shared_task
from celery.signals import beat_init, worker_init
from django.core.exceptions import ImproperlyConfigured

from core import clock
from core.clock_checks import moved_clock_refuse
from core.jobs import beat, schedules, services


@worker_init.connect
@beat_init.connect
def clock_refuse(**_kwargs: object) -> None:
    """Stop before the first task if the settings refuse the clock of this database."""
    try:
        moved_clock_refuse()
    except ImproperlyConfigured as error:
        # Celery logs and forgets what a signal's receiver raises, unless it ends the process.
        raise SystemExit(str(error)) from error


@beat_init.connect
def schedules_write(**_kwargs: object) -> None:
    """Bring beat's table up to date whenever beat starts, so that no step can be forgotten."""
    beat.schedules_sync()


@shared_task(name=services.RUN_TASK, queue=services.QUEUE)
def job_run(job_id: str) -> None:
    """Run a job to its end, unless it is finished or runs elsewhere."""
    services.job_run(job_id=UUID(job_id), now=clock.now())


@shared_task(name="core.jobs.tasks.jobs_sweep", queue="events")
def jobs_sweep() -> None:
    """Wake workers for jobs that wait or lost theirs."""
    services.jobs_sweep()


@shared_task(name=schedules.TICK_TASK, queue="events")
def tick_job_run(name: str) -> None:
    """Run the due ticks of a scheduled job; beat names the queue of each job."""
    schedules.tick_job_run(name=name, now=clock.now())
