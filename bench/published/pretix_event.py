"""pretix events, each with one free item in a quota of limited size, and a token for its API.

python -m bench.published.pretix_event < PLAN    # in pretix's environment; prints JSON
"""

import json
import os
import sys
from datetime import timedelta
from decimal import Decimal
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "pretix.settings"
django.setup()

from django.core.management import call_command  # noqa: E402 - these read settings
from django.utils.timezone import now  # noqa: E402
from django_scopes import scopes_disabled  # noqa: E402
from pretix.base.models import Event, Organizer, Team  # noqa: E402


def events_make(plan: dict[str, Any]) -> dict[str, Any]:
    """Make as many events as the plan's ``events``, each with a quota of ``units``."""
    organizer = Organizer.objects.create(name="bench", slug="bench")
    team = Team.objects.create(
        organizer=organizer, name="bench", all_events=True, all_event_permissions=True
    )
    return {
        "token": team.tokens.create(name="bench").token,
        "events": [
            _event(organizer, f"e{number}", plan["units"]) for number in range(plan["events"])
        ],
    }


def _event(organizer: Any, slug: str, units: int) -> dict[str, Any]:
    event = Event.objects.create(
        organizer=organizer,
        name=slug,
        slug=slug,
        currency="CNY",
        date_from=now() + timedelta(days=30),
        live=True,
        plugins="",
    )
    item = event.items.create(name="voucher", default_price=Decimal("0.00"))
    quota = event.quotas.create(name="units", size=units)
    quota.items.add(item)
    return {"slug": slug, "event": event.pk, "item": item.pk}


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    with scopes_disabled():
        made = events_make(json.load(sys.stdin))
    sys.stdout.write(json.dumps(made) + "\n")
