"""Celery entry point: `celery -A config.celery worker` and `… beat`."""

import os

from celery import Celery, platforms
from celery.signals import beat_init, setup_logging
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.development")

app = Celery("xfq")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_django_logging(**_kwargs: object) -> None:
    """Connected, so that Celery leaves the logging Django has set up alone."""
    settings.LOGGING.get("version")


@beat_init.connect
def end_beat_without_a_query(**_kwargs: object) -> None:
    """Let SIGTERM and SIGINT only break beat off; its end then saves the schedule.

    Celery's handler saves it at once. In the middle of a query that waits for ever for the lock of
    the connection, which the code it interrupted holds.
    """

    def end(*_signal: object) -> None:
        raise KeyboardInterrupt  # the database driver cancels its query for this one

    platforms.signals.update(SIGTERM=end, SIGINT=end)
