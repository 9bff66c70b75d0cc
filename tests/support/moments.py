"""Business time of a test: frozen at a moment of its own choice."""

from datetime import datetime

from core.clock import clock_forget, wall
from core.jobs.models import BusinessClock


def business_time_set(moment: datetime) -> None:
    """Freeze business time at ``moment`` in the test's database, whichever it showed before."""
    BusinessClock.objects.update_or_create(
        pk=1,
        defaults={
            "wall_anchor": wall(),
            "business_anchor": moment,
            "rate": 0,
            "moved": True,
        },
    )
    clock_forget()
