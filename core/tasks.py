"""Tasks of the kernel's packages, where Celery looks for those of an app."""

from core.jobs import tasks as job_tasks
from core.outbox import tasks as outbox_tasks

__all__ = ["job_tasks", "outbox_tasks"]
