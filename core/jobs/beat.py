"""Write the registered schedules where Celery beat reads them."""

import json
from typing import Any

from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from core.jobs.schedules import TICK_TASK, pollers, tick_jobs
from core.transactions import transaction_joined

PREFIX = "xfq:"


def schedules_sync() -> list[str]:
    """Make beat's table say exactly what is registered; returns the names, running twice is safe.

    Entries of ours that are no longer registered go away; those of an operator (other names) and
    his switching one of ours off (``enabled``) stay.
    """
    wanted: dict[str, tuple[int, dict[str, Any]]] = {}
    for poller in pollers():
        wanted[PREFIX + poller.name] = (
            poller.every_s,
            {"task": poller.task, "queue": poller.queue, "args": "[]"},
        )
    for job in tick_jobs():
        wanted[PREFIX + job.name] = (
            job.poll_s,
            {"task": TICK_TASK, "queue": job.queue, "args": json.dumps([job.name])},
        )
    with transaction_joined():
        for name, (every_s, fields) in sorted(wanted.items()):
            interval, _ = IntervalSchedule.objects.get_or_create(
                every=every_s, period=IntervalSchedule.SECONDS
            )
            # A message that waited longer than a few rounds is stale: the next one does its work.
            fields |= {"interval": interval, "expire_seconds": max(every_s * 5, 30)}
            PeriodicTask.objects.update_or_create(name=name, defaults=fields)
        PeriodicTask.objects.filter(name__startswith=PREFIX).exclude(name__in=wanted).delete()
        PeriodicTasks.update_changed()
    return sorted(wanted)
