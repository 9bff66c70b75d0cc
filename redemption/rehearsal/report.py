"""The figures of a rehearsal: the platform's books beside the callers' own counts."""

from fractions import Fraction
from typing import Any

from django.db.models import Count

from campaigns.models import Campaign
from core import clock
from core.invariants.services import invariants_check
from core.jobs.files import job_file_path
from core.jobs.models import JobFile
from redemption.rehearsal.play import Rehearsal
from redemption.rehearsal.session import Session, TillKind
from redemption.rehearsal.table import table_text
from redemption.rehearsal.timekeeper import wait_for_quiet
from redemption.settlement.metrics import (
    CampaignMetrics,
    campaign_breakdown,
    campaign_metrics,
    funding_progress,
    settlement_identity,
)
from redemption.settlement.models import Discrepancy
from redemption.settlement.reports.campaign_job import campaign_report_request

DIMENSIONS = ("city", "tier", "industry", "acquirer")


def report_make(rehearsal: Rehearsal, campaign: Campaign, *, seconds: float) -> dict[str, Any]:
    """Return everything the JSON file holds, with the printed table under ``table``."""
    now = clock.now()
    metrics = campaign_metrics(campaign_id=campaign.pk, until=now)
    identity = settlement_identity(campaign_id=campaign.pk)
    invariants = invariants_check()
    session = rehearsal.acquirers.session
    planted = dict(sorted(rehearsal.acquirers.planted.items()))
    found = _found()
    mismatches = _mismatches(metrics, session)
    figures: dict[str, Any] = {
        "campaign": campaign.code,
        "scale": rehearsal.world.scale,
        "seed": rehearsal.world.seed,
        **_totals(metrics),
        "refusals": dict(sorted(rehearsal.tally.refusals.items())),
        "per_funder": {share.name: share.gross_fen for share in metrics.funders},
        **{f"per_{dimension}": _rows(campaign, dimension, until=now) for dimension in DIMENSIONS},
        "cash": _cash(campaign),
        "settlement_fen": identity.settlement_fen,
        "redemptions_minus_refunds_fen": identity.redemptions_minus_refunds_fen,
        "paid_fen": identity.paid_fen,
        "owed_by_merchants_fen": identity.owed_fen,
        "reconciliation": {"planted": planted, "found": found},
        "callers_differ": mismatches,
        "invariants": {
            "checks": len(invariants.results),
            "violations": invariants.violations,
            "failed": {result.name: result.rows for result in invariants.failed},
        },
        "reconciles": identity.holds
        and planted == found
        and not mismatches
        and invariants.violations == 0,
        **_traffic(rehearsal, seconds),
        "logins": rehearsal.crew.passwords,
    }
    return {**figures, "files": _files(rehearsal, campaign), "table": table_text(figures)}


def _files(rehearsal: Rehearsal, campaign: Campaign) -> dict[str, str]:
    """Have the 活动战报 made as the director would, and say where its files lie."""
    now = clock.now()
    job = campaign_report_request(
        campaign_id=campaign.pk,
        as_of=now,
        actor=rehearsal.crew.user("fuhe"),
        now=now,
        scale=rehearsal.world.scale,
    )
    wait_for_quiet()
    return {file.name: str(job_file_path(file)) for file in JobFile.objects.filter(job=job)}


def _totals(metrics: CampaignMetrics) -> dict[str, Any]:
    return {
        "released": metrics.released_units,
        "released_fen": metrics.released_fen,
        "claimed": metrics.claimed_units,
        "claimed_fen": metrics.claimed_fen,
        "redeemed": metrics.redeemed_units,
        "redeemed_fen": metrics.redeemed_fen,
        "refunded": metrics.refunds,
        "refunded_fen": metrics.refunded_fen,
        "cancelled": metrics.cancels,
        "expired": metrics.expired_units,
        "persons": metrics.persons,
        "person_times": metrics.person_times,
        "merchants_active": metrics.merchants_active,
        "stores_active": metrics.stores_active,
        "order_fen": metrics.order_fen,
        "order_net_fen": metrics.order_net_fen,
        "subsidy_fen": metrics.subsidy_fen,
        "merchant_concession_fen": metrics.concession_fen,
        "rate_by_count": _decimal(metrics.rate_by_count),
        "rate_by_amount": _decimal(metrics.rate_by_amount),
        "leverage": {
            "财政撬动比": _decimal(metrics.leverage_government),
            "综合撬动比": _decimal(metrics.leverage_all),
            "按发券额": _decimal(metrics.leverage_issued),
        },
    }


def _traffic(rehearsal: Rehearsal, seconds: float) -> dict[str, Any]:
    tally = rehearsal.tally
    return {
        "requests": tally.requests,
        "repeats": tally.repeats,
        "replays": tally.replays,
        "seconds": round(seconds, 1),
        "requests_per_s": round(tally.requests / seconds, 1),
        "p50_ms": round(tally.percentile(0.5), 1),
        "p99_ms": round(tally.percentile(0.99), 1),
    }


def _rows(campaign: Campaign, dimension: str, **period: Any) -> dict[str, Any]:
    return {
        row.label: {
            "redeemed": row.vouchers,
            "payments": row.payments,
            "order_net_fen": row.order_net_fen,
            "subsidy_net_fen": row.subsidy_net_fen,
        }
        for row in campaign_breakdown(campaign_id=campaign.pk, dimension=dimension, **period)
    }


def _cash(campaign: Campaign) -> dict[str, Any]:
    return {
        row.name: {
            "mode": row.mode,
            "quota_fen": row.quota_fen,
            "received_fen": row.received_fen,
            "advanced_fen": row.advanced_fen,
            "settled_fen": row.settled_fen,
            "pending_fen": row.pending_fen,
            "frozen_fen": row.frozen_fen,
            "left_fen": row.left_fen,
        }
        for row in funding_progress(campaign_id=campaign.pk)
    }


def _found() -> dict[str, int]:
    counts = Discrepancy.objects.values_list("kind").annotate(number=Count("pk"))
    return {str(kind): number for kind, number in counts.order_by("kind")}


def _mismatches(metrics: CampaignMetrics, session: Session) -> dict[str, list[int]]:
    """Compare the books with what channels and tills counted themselves: [ours, theirs]."""

    def rung(kind: TillKind, column: str) -> int:
        return sum(getattr(row, column) for row in session.log if row.kind == kind)

    counts = session.counts
    pairs = {
        "claimed": (metrics.claimed_units, counts.get("claims_accepted", 0)),
        "confirms": (metrics.payments, counts.get("confirms", 0)),
        "cancels": (metrics.cancels, counts.get("cancels", 0)),
        "refunds": (metrics.refunds, counts.get("refunds", 0)),
        "order_fen": (metrics.order_fen, rung("SALE", "order_fen")),
        "subsidy_fen": (metrics.subsidy_fen, rung("SALE", "subsidy_fen")),
        "payer_fen": (metrics.payer_fen, rung("SALE", "paid_fen")),
        "cancelled_fen": (metrics.cancelled_fen, rung("CANCEL", "subsidy_fen")),
        "refunded_fen": (metrics.refunded_fen, rung("REFUND", "subsidy_fen")),
        "refunded_order_fen": (metrics.refunded_order_fen, rung("REFUND", "order_fen")),
    }
    return {name: [ours, theirs] for name, (ours, theirs) in pairs.items() if ours != theirs}


def _decimal(value: Fraction | None) -> str | None:
    """Write a ratio with four decimals, rounded half up; an exact fraction is not JSON."""
    if value is None:
        return None
    scaled = (2 * value.numerator * 10_000 + value.denominator) // (2 * value.denominator)
    return f"{scaled // 10_000}.{scaled % 10_000:04d}"
