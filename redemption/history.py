"""What redemptions add to the history of a voucher."""

from uuid import UUID

from core.ids import to_public
from redemption.models import RedemptionLine, RedemptionStep
from redemption.states import StepKind
from vouchers.history import VoucherEvent, history_source_register


def redemption_events(voucher_id: UUID) -> list[VoucherEvent]:
    """Return every step of every payment that used the voucher."""
    lines = RedemptionLine.objects.filter(voucher=voucher_id).order_by()
    steps = (
        RedemptionStep.objects.filter(redemption__in=lines.values("redemption"))
        .select_related("redemption__store")
        .order_by("at", "redemption_id", "seq")
    )
    return [
        VoucherEvent(
            kind=step.kind,
            text=StepKind(step.kind).label,
            at=step.at,
            amount_fen=step.subsidy_fen,
            reference=to_public("rdm", step.redemption_id),
            place=step.redemption.store.name,
        )
        for step in steps
    ]


def history_register() -> None:
    """Add the payments to the vouchers room's history; once, when this app is ready."""
    history_source_register(redemption_events)
