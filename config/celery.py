"""Celery entry point: `celery -A config.celery worker` and `… beat`."""

import os

from celery import Celery
from celery.signals import setup_logging
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.development")

app = Celery("xfq")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_django_logging(**_kwargs: object) -> None:
    """Connected, so that Celery leaves the logging Django has set up alone."""
    settings.LOGGING.get("version")
