"""Deciding approvals as the right people, so that tests go through the real services."""

from datetime import datetime

from core.access.models import Role
from core.approvals.models import Approval
from core.approvals.services import approval_decide
from tests.factories.staff import staff_make

_CHECKERS = {
    "campaign.whitelist": Role.LIST_CHECKER,
    "campaign.funds": Role.SETTLEMENT_CHECKER,
    "campaign.adjustment": Role.SETTLEMENT_CHECKER,
    "settlement.batch": Role.SETTLEMENT_CHECKER,
    "voucher.control": Role.RISK_CHECKER,
    "voucher.control_lift": Role.RISK_CHECKER,
}


def approve(approval: Approval, *, now: datetime) -> Approval:
    """Agree to an approval at every level, each by a new person who may."""
    role = _CHECKERS.get(approval.kind, Role.CAMPAIGN_CHECKER)
    decided = approval
    for step in range(approval.depth):
        checker = staff_make(role if step == 0 else Role.DIRECTOR, region=approval.owner_region)
        decided = approval_decide(approval_id=approval.pk, checker=checker, agree=True, now=now)
    return decided


def reject(approval: Approval, *, now: datetime) -> Approval:
    """Reject an approval at the first level."""
    role = _CHECKERS.get(approval.kind, Role.CAMPAIGN_CHECKER)
    return approval_decide(
        approval_id=approval.pk,
        checker=staff_make(role, region=approval.owner_region),
        agree=False,
        now=now,
        comment="不同意",
    )
