"""Tasks of the kernel's packages, where Celery looks for those of an app."""

from core.outbox import tasks as outbox_tasks

__all__ = ["outbox_tasks"]
