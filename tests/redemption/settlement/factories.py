"""Settled days: payments of a shop, batches taken through their states, reductions."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from core.access.models import Role, User
from core.approvals.services import approval_decide
from core.clock import TIME_ZONE
from core.ledger.models import Account
from redemption.models import RedemptionStep
from redemption.services.refund import redemptions_refund
from redemption.settlement.models import Payout, SettlementBatch
from redemption.settlement.services.bank_results import BankResult, bank_results_record
from redemption.settlement.services.build import settlement_build
from redemption.settlement.services.lifecycle import settlement_check, settlement_submit
from redemption.settlement.services.payouts import settlement_send
from tests.factories.redemption import Shop, accepted, refund_command
from tests.factories.staff import staff_make

DAY = date(2026, 3, 6)  # a Friday; T+1 is Monday the 9th
NIGHT = datetime(2026, 3, 7, 1, tzinfo=TIME_ZONE)
MONDAY = datetime(2026, 3, 9, 10, tzinfo=TIME_ZONE)


def build(shop: Shop, day: date = DAY, now: datetime = NIGHT) -> SettlementBatch | None:
    """Build the shop's batch of a day."""
    return settlement_build(
        campaign_id=shop.live.campaign.pk,
        acquirer_id=shop.terminal.acquirer_id,
        day=day,
        now=now,
    )


def built(shop: Shop, day: date = DAY, now: datetime = NIGHT) -> SettlementBatch:
    """Build a batch that must come about."""
    batch = build(shop, day, now)
    assert batch is not None
    return batch


def maker_make() -> User:
    """Return a 结算经办 of the province."""
    return staff_make(Role.SETTLEMENT_MAKER)


def approved(batch: SettlementBatch, now: datetime = MONDAY) -> SettlementBatch:
    """Take a batch to APPROVED by two people."""
    maker = maker_make()
    settlement_check(batch_id=batch.pk, actor=maker, now=now)
    approval = settlement_submit(batch_id=batch.pk, maker=maker, now=now)
    checker = staff_make(Role.SETTLEMENT_CHECKER)
    approval_decide(approval_id=approval.pk, checker=checker, agree=True, now=now)
    batch.refresh_from_db()
    return batch


def sent(batch: SettlementBatch, now: datetime = MONDAY) -> SettlementBatch:
    """Take a batch to SENT."""
    approved(batch, now)
    return settlement_send(batch_id=batch.pk, actor=maker_make(), now=now)


def paid(batch: SettlementBatch, now: datetime = MONDAY) -> SettlementBatch:
    """Take a batch to PAID."""
    sent(batch, now)
    results_record([answer(one) for one in batch.payouts.all()], now)
    batch.refresh_from_db()
    return batch


def answer(payout: Payout, outcome: str = "PAID", **more: object) -> BankResult:
    """Return the bank's answer to a payout."""
    fields: dict[str, object] = {
        "reference": payout.reference,
        "outcome": outcome,
        "amount_fen": payout.amount_fen,
        "bank_ref": f"B{payout.reference}",
        "value_date": MONDAY.date(),
    }
    return BankResult(**{**fields, **more})  # type: ignore[arg-type]


def results_record(results: Sequence[BankResult], now: datetime = MONDAY) -> None:
    """Record answers as a 结算经办."""
    bank_results_record(results=results, actor=maker_make(), now=now)


def reduced(redemption_id: UUID, subsidy_fen: int, at: datetime) -> RedemptionStep:
    """Refund so much of the order that ``subsidy_fen`` of a 满100减30 goes back."""
    order_fen = subsidy_fen * 10_000 // 3_000
    command = refund_command(redemption_id, order_fen, at=at)
    accepted(redemptions_refund(commands=[command]))
    step = RedemptionStep.objects.get(
        redemption=redemption_id, idempotency_key=command.idempotency_key
    )
    assert step.subsidy_fen == subsidy_fen
    return step


def balances(shop: Shop) -> dict[str, int]:
    """Return the campaign's balances by account kind, in fen, without those at zero."""
    totals: dict[str, int] = {}
    for kind, fen in Account.objects.filter(campaign_id=shop.live.campaign.pk).values_list(
        "kind", "balance_fen"
    ):
        totals[kind] = totals.get(kind, 0) + fen
    return {kind: fen for kind, fen in sorted(totals.items()) if fen}
