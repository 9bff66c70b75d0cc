"""Tasks of the kernel's packages, where Celery looks for those of an app."""

from core.audit import tasks as audit_tasks
from core.jobs import tasks as job_tasks
from core.outbox import tasks as outbox_tasks

__all__ = ["audit_tasks", "job_tasks", "outbox_tasks"]
