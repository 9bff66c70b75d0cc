"""Celery's part of long and scheduled work."""

from uuid import UUID

from celery import shared_task

from core import clock
from core.jobs import schedules, services


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
