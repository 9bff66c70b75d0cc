"""The figures of a rehearsal, from the platform's own tables and the callers' own counts."""

from typing import Any

from campaigns.models import Campaign
from core.invariants.services import invariants_check
from redemption.rehearsal.play import Rehearsal


def report_make(rehearsal: Rehearsal, campaign: Campaign, *, seconds: float) -> dict[str, Any]:
    """Return everything the JSON file holds."""
    tally = rehearsal.tally
    invariants = invariants_check()
    return {
        "invariants": {
            "checks": len(invariants.results),
            "violations": invariants.violations,
            "failed": {result.name: result.rows for result in invariants.failed},
        },
        "reconciles": invariants.violations == 0,
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
