"""The figures of a rehearsal, from the platform's own tables and the callers' own counts."""

from typing import Any

from django.db.models import Count

from campaigns.models import Campaign
from core.invariants.services import invariants_check
from redemption.rehearsal.play import Rehearsal
from redemption.settlement.models import Discrepancy


def report_make(rehearsal: Rehearsal, campaign: Campaign, *, seconds: float) -> dict[str, Any]:
    """Return everything the JSON file holds."""
    tally = rehearsal.tally
    invariants = invariants_check()
    planted = dict(sorted(rehearsal.acquirers.planted.items())) if rehearsal.acquirers else {}
    found = dict(Discrepancy.objects.values_list("kind").annotate(n=Count("pk")).order_by("kind"))
    return {
        "invariants": {
            "checks": len(invariants.results),
            "violations": invariants.violations,
            "failed": {result.name: result.rows for result in invariants.failed},
        },
        "reconciliation": {"planted": planted, "found": found},
        "reconciles": planted == found and invariants.violations == 0,
        "table": "",
        "scale": rehearsal.world.scale,
        "seed": rehearsal.world.seed,
        "campaign": campaign.code,
        "refusals": dict(sorted(tally.refusals.items())),
        "requests": tally.requests,
        "repeats": tally.repeats,
        "replays": tally.replays,
        "seconds": round(seconds, 1),
        "requests_per_s": round(tally.requests / seconds, 1),
        "p50_ms": round(tally.percentile(0.5), 1),
        "p99_ms": round(tally.percentile(0.99), 1),
        "logins": rehearsal.crew.passwords,
    }
