"""What settlement does by itself: batches each night, missing files each noon."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from core.clock import business_date
from core.jobs.models import Job
from core.jobs.schedules import TickJob
from redemption.settlement.recon.days import missing_files_find
from redemption.settlement.reports.day_job import KIND as STATEMENTS_KIND
from redemption.settlement.reports.day_job import statements_request
from redemption.settlement.selectors import campaigns_with_facts
from redemption.settlement.services.build import settlements_build


def _build(tick_at: datetime) -> Mapping[str, Any]:
    summary = settlements_build(now=tick_at)
    return {
        "batches": summary.batches,
        "facts": summary.facts,
        "payout_fen": summary.payout_fen,
    }


def _missing(tick_at: datetime) -> Mapping[str, Any]:
    return {"missing": missing_files_find(now=tick_at)}


def _statements(tick_at: datetime) -> Mapping[str, Any]:
    """Queue the statements of the day that ended, once per campaign."""
    day = business_date(tick_at) - timedelta(days=1)
    queued = 0
    for campaign_id in campaigns_with_facts(day):
        params = {"campaign_id": str(campaign_id), "business_date": day.isoformat()}
        if not Job.objects.filter(kind=STATEMENTS_KIND, created_by=None, params=params).exists():
            statements_request(campaign_id=campaign_id, day=day, actor=None, now=tick_at)
            queued += 1
    return {"queued": queued}


BUILD = TickJob(
    name="settlement.build",
    work=_build,
    queue="settlement",
    every=timedelta(days=1),
    offset=timedelta(hours=1),
    poll_s=10,
)
"""01:00, two hours after the usual cut-off; missed nights are caught up one by one."""

MISSING_FILES = TickJob(
    name="settlement.missing_files",
    work=_missing,
    queue="settlement",
    every=timedelta(days=1),
    offset=timedelta(hours=12),
    poll_s=30,
)
"""12:00: by noon the acquirers have delivered the day before."""

STATEMENTS = TickJob(
    name="settlement.statements",
    work=_statements,
    queue="reports",
    every=timedelta(days=1),
    offset=timedelta(hours=2),
    poll_s=30,
)
"""02:00, after the night's batches."""

TICK_JOBS = (BUILD, MISSING_FILES, STATEMENTS)
