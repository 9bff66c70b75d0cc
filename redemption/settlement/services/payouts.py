"""Sending approved batches and recording what the bank answered.

Money leaves in-transit for cash (PREFUNDED) or advance-payable (the advancing party has paid);
what the bank returns goes back to settling and may be sent again (architecture.md, Money).
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from campaigns.models import Funder, Funding
from core.access.models import User
from core.access.roles import assert_may
from core.audit.services import audit_record
from core.clock import TIME_ZONE, business_date
from core.ledger.models import Account, AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from core.transactions import retry_conflicts, transaction_joined
from merchants.models import Payee
from redemption.settlement.errors import CashShortError, NotDueError
from redemption.settlement.locks import batch_locked
from redemption.settlement.models import Payout, SettlementBatch
from redemption.settlement.states import BATCH_STATES, BatchState, PayoutState


@retry_conflicts
def settlement_send(*, batch_id: UUID, actor: User, now: datetime) -> SettlementBatch:
    """Mark a batch sent to the bank: all payouts the first time, later the returned ones only.

    Each payout goes to the payee's current account at the acquirer. A batch that pays nobody (all
    netted) is paid at once.

    Raises:
        NotDueError: before the due date.
        CashShortError: a PREFUNDED funder's cash does not cover what is under way and this batch.
        StateConflictError: it is not APPROVED or PARTIALLY_PAID.
        DomainError: ``access.not_found``, ``access.permission_denied``.
    """
    with transaction_joined():
        batch = batch_locked(batch_id)
        assert_may(actor, "redemption.send_settlementbatch", batch.owner_region)
        if batch.state not in (BatchState.APPROVED, BatchState.PARTIALLY_PAID):
            raise BATCH_STATES.conflict(batch.state, BatchState.SENT)
        if now.astimezone(TIME_ZONE).date() < batch.due_on:
            raise NotDueError(data={"due_on": batch.due_on})
        payouts = list(
            batch.payouts.select_for_update()
            .filter(state__in=[PayoutState.PENDING, PayoutState.RETURNED])
            .order_by("pk")
        )
        _assert_cash(batch, payouts)
        again = [one for one in payouts if one.state == PayoutState.RETURNED]
        _mark_sent(payouts, now)
        batch.state, batch.sent_at = BatchState.SENT, now
        batch.save(update_fields=["state", "sent_at"])
        if not payouts:
            batch.state, batch.paid_at = BatchState.PAID, now
            batch.save(update_fields=["state", "paid_at"])
        _audit(batch, actor, now, payouts)
        _post_again(batch, again, now)
    return batch


def cash_funders(campaign_id: UUID) -> frozenset[UUID]:
    """Return the funders whose part is paid from cash received (PREFUNDED)."""
    return frozenset(
        Funding.objects.filter(campaign_id=campaign_id, mode=Funding.Mode.PREFUNDED).values_list(
            "funder_id", flat=True
        )
    )


def parts_by_funder(payouts: Collection[Payout]) -> dict[UUID, int]:
    """Add up the parts of payouts, fen by funder."""
    total: dict[UUID, int] = defaultdict(int)
    for payout in payouts:
        for funder_id, fen in zip(payout.funder_ids, payout.parts, strict=True):
            total[funder_id] += fen
    return dict(total)


def _assert_cash(batch: SettlementBatch, payouts: Sequence[Payout]) -> None:
    prefunded = cash_funders(batch.campaign_id)
    needed = {
        funder_id: fen
        for funder_id, fen in parts_by_funder(payouts).items()
        if funder_id in prefunded
    }
    if not needed:
        return
    under_way = parts_by_funder(
        Payout.objects.filter(batch__campaign_id=batch.campaign_id, state=PayoutState.SENT)
    )
    cash = dict(
        Account.objects.filter(
            campaign_id=batch.campaign_id, kind=AccountKind.CASH, funder_id__in=needed
        ).values_list("funder_id", "balance_fen")
    )
    for funder_id, fen in sorted(needed.items()):
        short = fen + under_way.get(funder_id, 0) - cash.get(funder_id, 0)
        if short > 0:
            name = Funder.objects.values_list("name", flat=True).get(pk=funder_id)
            raise CashShortError(data={"funder": name, "shortfall_fen": short})


def _mark_sent(payouts: Sequence[Payout], now: datetime) -> None:
    originals = {one.pk: one for one in Payee.objects.filter(pk__in={p.payee_id for p in payouts})}
    wanted = Q(pk__in=[])
    for payee in originals.values():
        wanted |= Q(acquirer_id=payee.acquirer_id, merchant_no=payee.merchant_no)
    current = {
        (one.acquirer_id, one.merchant_no): one
        for one in Payee.objects.filter(wanted, valid_until__isnull=True)
    }
    for payout in payouts:
        payee = originals[payout.payee_id]
        payout.pay_to = current.get((payee.acquirer_id, payee.merchant_no), payee)
        payout.state, payout.sent_at = PayoutState.SENT, now
        payout.attempts += 1
        payout.failure = ""
    Payout.objects.bulk_update(
        payouts, ["pay_to", "state", "sent_at", "attempts", "failure"], batch_size=500
    )


def _post_again(batch: SettlementBatch, payouts: Sequence[Payout], now: datetime) -> None:
    """Put returned money in transit again; the first sending was posted by the approval."""
    if not payouts:
        return
    entry_post(
        code=EntryCode.APPROVE,
        campaign_id=batch.campaign_id,
        source_key=f"settlement:send:{batch.pk}:{max(one.attempts for one in payouts)}",
        business_date=business_date(now),
        at=now,
        transfers=[
            Transfer(
                funder_id,
                AccountKind.SETTLING,
                AccountKind.IN_TRANSIT,
                fen,
                payout.payee_id,
                payout.payee_id,
            )
            for payout in payouts
            for funder_id, fen in zip(payout.funder_ids, payout.parts, strict=True)
        ],
    )


def _audit(batch: SettlementBatch, actor: User, now: datetime, payouts: Sequence[Payout]) -> None:
    audit_record(
        action="settlement.send",
        subject_type="settlement_batch",
        subject_id=batch.pk,
        now=now,
        actor=actor,
        owner_region=batch.owner_region,
        data={
            "code": batch.code,
            "payouts": len(payouts),
            "amount_fen": sum(payout.amount_fen for payout in payouts),
        },
    )
