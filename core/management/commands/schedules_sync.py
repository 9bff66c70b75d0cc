"""``manage.py schedules_sync``: write the registered schedules for Celery beat."""

from typing import Any

from django.core.management.base import BaseCommand

from core.jobs.beat import schedules_sync


class Command(BaseCommand):
    """Make beat's table say exactly what the rooms registered."""

    help = "Write the registered schedules for Celery beat; safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        """Synchronise and list the names."""
        for name in schedules_sync():
            self.stdout.write(name)
