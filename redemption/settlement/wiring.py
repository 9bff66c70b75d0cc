"""What settlement registers when the room is ready: approvals, case effects, checks, schedules."""

from collections.abc import Sequence
from datetime import datetime

from campaigns.closing import close_blocker_register
from core.approvals.registry import approval_kind_register
from core.jobs.registry import job_kind_register
from core.jobs.schedules import tick_job_register
from core.models import Case
from core.screening.hooks import CaseHooks, case_hooks_register
from redemption.settlement.checks import settlement_checks_register
from redemption.settlement.closing import open_matters
from redemption.settlement.recon.days import SUSPENSE_APPROVAL
from redemption.settlement.reports.campaign_job import CAMPAIGN_REPORT
from redemption.settlement.reports.day_job import STATEMENTS
from redemption.settlement.schedules import TICK_JOBS
from redemption.settlement.services.freezes import facts_freeze, facts_recover, facts_release
from redemption.settlement.services.lifecycle import BATCH_APPROVAL


def _freeze(case: Case, fact_ids: Sequence[str], now: datetime) -> int:
    return facts_freeze(case=case, fact_ids=fact_ids, now=now)


def _release(case: Case, now: datetime) -> None:
    facts_release(case=case, now=now)


def _uphold(case: Case, now: datetime) -> None:
    facts_recover(case=case, now=now)


CASE_HOOKS = CaseHooks(on_freeze=_freeze, on_release=_release, on_uphold=_uphold)


def settlement_register() -> None:
    """Register everything; called once per process by the app's ``ready``."""
    approval_kind_register(BATCH_APPROVAL)
    approval_kind_register(SUSPENSE_APPROVAL)
    case_hooks_register(CASE_HOOKS)
    settlement_checks_register()
    close_blocker_register("redemption.settlement", open_matters)
    job_kind_register(STATEMENTS)
    job_kind_register(CAMPAIGN_REPORT)
    for job in TICK_JOBS:
        tick_job_register(job)
