"""``manage.py demo_bench``: prepare the 演示台 of a demonstration that was played before."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core import clock
from core.errors import DomainError
from redemption.demo.stage import bench_prepare
from redemption.rehearsal.crew import POSTS, crew_find


class Command(BaseCommand):
    """Make the bench's clients and a campaign that runs from now on; again changes nothing."""

    help = "Prepare /demo/ (needs XFQ_DEMO=on and the staff and shops of a played programme)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, and say what runs."""
        if not settings.XFQ_DEMO:
            raise CommandError("XFQ_DEMO is not on")
        crew = crew_find()
        if len(crew.users) < len(POSTS):
            raise CommandError("the staff of the demonstration is missing: play it first")
        try:
            bench = bench_prepare(crew=crew, now=clock.now())
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{bench.campaign.title}: {bench.campaign.code}")
