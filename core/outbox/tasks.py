"""Celery's part of the outbox."""

from celery import shared_task

from core import clock
from core.outbox import services

QUEUE = services.QUEUE


@shared_task(name=services.PROCESS_TASK, queue=QUEUE)
def delivery_process(ids: list[int]) -> None:
    """Hand deliveries to their consumers."""
    services.delivery_process(ids=ids, now=clock.now())


@shared_task(name="core.outbox.tasks.delivery_relay", queue=QUEUE)
def delivery_relay() -> None:
    """Send every due delivery to the workers."""
    services.delivery_relay()
