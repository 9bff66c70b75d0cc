"""Reads of the redemption room: who sees which redemption, and what happened to it."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from redemption.models import Redemption, RedemptionStep, Reward
from redemption.states import RedemptionState


def redemptions_of_client(client_id: UUID) -> QuerySet[Redemption]:
    """Return what a client may see: what it made, and the use of vouchers it issued (api.md)."""
    return (
        Redemption.objects.filter(Q(client=client_id) | Q(voucher_client=client_id))
        .select_related("store", "terminal", "acquirer")
        .order_by("-held_at", "pk")
    )


def redemption_by_request(client_id: UUID, request_no: str) -> UUID | None:
    """Return the redemption a request of this client acted on; None if nothing happened.

    A key belongs to one operation; should a client have used it for several, the hold is meant.
    """
    steps = RedemptionStep.objects.filter(client=client_id, idempotency_key=request_no)
    rows = dict(steps.values_list("kind", "redemption_id"))
    return rows.get("HOLD") or next((rows[kind] for kind in sorted(rows)), None)


def redemption_by_order(client_id: UUID, order_no: str) -> UUID | None:
    """Return this client's latest redemption under an order number."""
    return (
        Redemption.objects.filter(client=client_id, order_no=order_no)
        .order_by("-held_at", "-pk")
        .values_list("pk", flat=True)
        .first()
    )


def redemption_state(redemption: Redemption, *, now: datetime) -> RedemptionState:
    """Return the state as anybody is told it: a hold past its end no longer holds."""
    if redemption.state == RedemptionState.HELD and now >= redemption.hold_expires_at:
        return RedemptionState.TIMED_OUT
    return RedemptionState(redemption.state)


def rewards_of(source: str, source_id: UUID) -> QuerySet[Reward]:
    """Return what a purchase was given as return vouchers, or why it was not."""
    return (
        Reward.objects.filter(source=source, source_id=source_id)
        .select_related("batch", "enrolment")
        .order_by("pk")
    )
