"""Celery's part of the audit log."""

from celery import shared_task

from core.audit import services

CHAIN_TASK = "core.audit.tasks.audit_chain_append"


@shared_task(name=CHAIN_TASK, queue="events")
def audit_chain_append() -> None:
    """Chain what was recorded since the last time; goes on until nothing is left."""
    while services.audit_chain_append():
        pass
