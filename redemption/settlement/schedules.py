"""What settlement does by itself: batches each night, missing files each noon."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from core.jobs.schedules import TickJob
from redemption.settlement.recon.days import missing_files_find
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

TICK_JOBS = (BUILD, MISSING_FILES)
