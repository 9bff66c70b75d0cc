"""What waits for a member of staff: approvals he may decide, cases, exceptions, differences."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet

from core.access.models import User
from core.access.roles import grants_permitting, may
from core.access.scope import ScopeFields, scope_queryset
from core.approvals.models import Approval, ApprovalState
from core.approvals.registry import approval_kinds
from core.approvals.visibility import VIEW, approvals_visible
from core.outbox.models import Delivery
from core.screening.models import Case, CaseState
from redemption.models import Discrepancy, ExceptionItem
from redemption.settlement.states import DiscrepancyState

OPEN_CASES = (CaseState.OPEN, CaseState.IN_REVIEW)


@dataclass(frozen=True, slots=True)
class Todo:
    """How much of each waits; None where the person may not look at such rows."""

    approvals: int | None
    cases: int | None
    exceptions: int | None
    discrepancies: int | None
    parked: int | None


def todo_read(*, user: User) -> Todo:
    """Count what waits for ``user``, one query per kind."""
    return Todo(
        approvals=_approvals(user),
        cases=_count(user, Case.objects.filter(state__in=OPEN_CASES)),
        exceptions=_count(user, ExceptionItem.objects.filter(state=ExceptionItem.State.OPEN)),
        discrepancies=_count(user, Discrepancy.objects.filter(state=DiscrepancyState.OPEN)),
        parked=_parked(user),
    )


def approvals_waiting(*, user: User) -> list[Approval]:
    """Return the pending approvals that ``user`` may decide now.

    Not his own requests, not those he has given his word on already, and only at the level that
    his roles allow.
    """
    pending = (
        approvals_visible(Approval.objects.all(), user)
        .filter(state=ApprovalState.PENDING)
        .exclude(maker=user)
        .exclude(decisions__checker=user)
        .annotate(given=Count("decisions"))
        .order_by("created_at", "pk")
    )
    kinds = {kind.kind: kind for kind in approval_kinds()}
    return [
        approval
        for approval in pending
        if (kind := kinds.get(approval.kind)) is not None
        and may(user, kind.action(approval.given + 1), approval.owner_region)
    ]


def _approvals(user: User) -> int | None:
    if not grants_permitting(user, VIEW):
        return None
    return len(approvals_waiting(user=user))


def _count(user: User, rows: QuerySet[Any]) -> int | None:
    opts = rows.model._meta
    action = f"{opts.app_label}.view_{opts.model_name}"
    if not grants_permitting(user, action):
        return None
    return scope_queryset(rows, user, ScopeFields(owner="owner_region"), action=action).count()


def _parked(user: User) -> int | None:
    if not grants_permitting(user, "core.replay_delivery"):
        return None
    return Delivery.objects.filter(state=Delivery.State.PARKED).count()
