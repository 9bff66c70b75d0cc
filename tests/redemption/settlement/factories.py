"""Settled days: payments of a shop, batches taken through their states, reductions."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from core.access.models import Role, User
from core.approvals.services import approval_decide
from core.clock import TIME_ZONE, business_date
from core.ids import new_id
from core.ledger.models import Account, AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from core.money import split_parts
from redemption.models import Redemption, RedemptionStep
from redemption.settlement.locks import redemptions_lock
from redemption.settlement.models import Payout, SettlementBatch
from redemption.settlement.selectors import BOOKED_TO, booking_accounts
from redemption.settlement.services.bank_results import BankResult, bank_results_record
from redemption.settlement.services.build import settlement_build
from redemption.settlement.services.lifecycle import settlement_check, settlement_submit
from redemption.settlement.services.payouts import settlement_send
from redemption.states import StepKind
from tests.factories.redemption import Shop
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
    """Refund a slice of the subsidy, booked as the room's services book it."""
    redemptions_lock([redemption_id])
    redemption = Redemption.objects.get(pk=redemption_id)
    confirm = redemption.steps.get(kind=StepKind.CONFIRM)
    before = split_parts(confirm.parts, redemption.refunded_subsidy_fen)
    after = split_parts(confirm.parts, redemption.refunded_subsidy_fen + subsidy_fen)
    parts = [new - old for new, old in zip(after, before, strict=True)]
    source = booking_accounts([confirm.pk])[confirm.pk]
    fundings = {one.funder_id: one.mode for one in redemption.campaign.fundings.all()}
    batch_id = redemption.lines.get().batch_id
    step_id = new_id()
    transfers = []
    for funder_id, fen in zip(confirm.funder_ids, parts, strict=True):
        cash = fundings[funder_id] != "MERCHANT_CONCESSION"
        kind = source if cash else AccountKind.CONCESSION
        unit = redemption.payee_id if cash and source != AccountKind.AVAILABLE else None
        transfers.append(Transfer(funder_id, kind, AccountKind.ALLOCATED, fen, unit, batch_id))
    entry_id = entry_post(
        code=EntryCode.REFUND,
        campaign_id=redemption.campaign_id,
        source_key=f"refund:{step_id}",
        business_date=business_date(at),
        at=at,
        transfers=transfers,
    )
    redemption.refunded_subsidy_fen += subsidy_fen
    redemption.refund_count += 1
    redemption.last_step += 1
    redemption.save()
    return RedemptionStep.objects.create(
        id=step_id,
        redemption=redemption,
        seq=redemption.last_step,
        kind=StepKind.REFUND,
        order_fen=subsidy_fen,
        payer_fen=0,
        subsidy_fen=subsidy_fen,
        funder_ids=confirm.funder_ids,
        parts=parts,
        entry_id=entry_id,
        business_date=business_date(at),
        at=at,
        detail={BOOKED_TO: source},
    )


def balances(shop: Shop) -> dict[str, int]:
    """Return the campaign's balances by account kind, in fen, without those at zero."""
    totals: dict[str, int] = {}
    for kind, fen in Account.objects.filter(campaign_id=shop.live.campaign.pk).values_list(
        "kind", "balance_fen"
    ):
        totals[kind] = totals.get(kind, 0) + fen
    return {kind: fen for kind, fen in sorted(totals.items()) if fen}
