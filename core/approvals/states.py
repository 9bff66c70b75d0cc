"""Transitions of an approval (architecture.md, States)."""

from core.approvals.models import ApprovalState
from core.states import state_table

APPROVAL_STATES = state_table(
    "core.Approval",
    [
        (ApprovalState.PENDING, ApprovalState.APPROVED),
        (ApprovalState.PENDING, ApprovalState.REJECTED),
        (ApprovalState.PENDING, ApprovalState.WITHDRAWN),
    ],
)
