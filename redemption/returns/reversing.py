"""Take return vouchers back whose purchase was refunded: void the unused, flag the used."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _

from core.outbox.models import OutboxEvent
from core.transactions import retry_conflicts, transaction, transaction_required
from redemption.models import ExceptionItem, RedemptionLine, Reward
from redemption.returns.purchases import left_fen
from vouchers.models import Voucher
from vouchers.services.voids import vouchers_void
from vouchers.states import VoucherState

OVER = (VoucherState.EXPIRED, VoucherState.VOIDED)
MOST = 1_000
"""Of one sweep; the next one goes on."""


def on_redemptions_reversed(event: OutboxEvent, now: datetime) -> None:
    """Consume ``redemption.reversed``: payments that were cancelled or refunded."""
    ids = [UUID(text) for text in event.payload["redemptions"]]
    _reverse(Reward.Source.REDEMPTION, ids, now)


def on_transactions_refunded(event: OutboxEvent, now: datetime) -> None:
    """Consume ``transaction.refunded``: reported purchases of which something was given back."""
    ids = [UUID(text) for text in event.payload["transactions"]]
    _reverse(Reward.Source.TRANSACTION, ids, now)


def _reverse(source: str, source_ids: Collection[UUID], now: datetime) -> None:
    rewards = Reward.objects.filter(
        source=source,
        source_id__in=source_ids,
        state=Reward.State.ISSUED,
        reversed_at__isnull=True,
    )
    pending = list(rewards.order_by("pk"))
    # Not locked: the refund is committed, and what is left only shrinks.
    left = left_fen(source, {one.source_id for one in pending})
    late = [one.pk for one in pending if left[one.source_id] < one.from_fen]
    Reward.objects.filter(pk__in=late, reversed_at=None).update(reversed_at=now)
    rewards_settle(reward_ids=late, now=now)


def rewards_settle(*, reward_ids: Collection[UUID], now: datetime) -> None:
    """Void what is unused of these reversed rewards and flag what is used, in the caller's.

    A voucher on hold is left: the sweep comes back once the hold has ended. A used one is for
    people to look at (`ExceptionItem`); should its own payment be undone, it is void after all.
    """
    transaction_required()
    rewards = {
        one.claim_id: one
        for one in Reward.objects.filter(pk__in=reward_ids, reversed_at__isnull=False)
        if one.claim_id
    }
    claimed = Voucher.objects.filter(claim_id__in=rewards)
    vouchers_void(voucher_ids=list(claimed.values_list("pk", flat=True)), now=now)
    states = list(claimed.values_list("claim_id", "state"))
    _void([rewards[claim_id] for claim_id, state in states if state in OVER], now)
    used = [
        rewards[claim_id]
        for claim_id, state in states
        if state == VoucherState.REDEEMED and rewards[claim_id].state == Reward.State.ISSUED
    ]
    _flag(used, now)


def _void(rewards: Sequence[Reward], now: datetime) -> None:
    """Mark rewards whose voucher is over, and close what people were asked to look at."""
    Reward.objects.filter(pk__in=[one.pk for one in rewards]).update(state=Reward.State.VOIDED)
    ExceptionItem.objects.filter(
        kind=ExceptionItem.Kind.RETURN_USED,
        subject_id__in=[str(one.pk) for one in rewards],
        state=ExceptionItem.State.OPEN,
    ).update(
        state=ExceptionItem.State.RESOLVED,
        resolution=_("返券已随其付款撤销收回"),
        resolved_at=now,
    )


def _flag(rewards: Sequence[Reward], now: datetime) -> None:
    """Mark rewards whose voucher is used, and let people look at each once."""
    Reward.objects.filter(pk__in=[one.pk for one in rewards]).update(state=Reward.State.FLAGGED)
    of_claim = {one.claim_id: one for one in rewards if one.claim_id}
    lines = RedemptionLine.objects.filter(voucher__claim_id__in=of_claim, live=True)
    ExceptionItem.objects.bulk_create(
        [
            _item(of_claim[used.voucher.claim_id], used, now)
            for used in lines.select_related("batch", "voucher")
        ],
        ignore_conflicts=True,
    )


def _item(reward: Reward, used: RedemptionLine, now: datetime) -> ExceptionItem:
    return ExceptionItem(
        kind=ExceptionItem.Kind.RETURN_USED,
        subject_id=str(reward.pk),
        owner_region=reward.owner_region,
        amount_fen=used.used_fen,
        data={
            "batch": used.batch.name,
            "source": reward.source,
            "source_id": str(reward.source_id),
            "redemption": str(used.redemption_id),
        },
        opened_at=now,
    )


def rewards_sweep(*, now: datetime) -> int:
    """Settle reversed rewards whose voucher was held, or whose payment was undone since.

    Returns at how many it looked. Safe to run twice, even at once.
    """
    due = list(
        Reward.objects.filter(reversed_at__isnull=False)
        .filter(state__in=(Reward.State.ISSUED, Reward.State.FLAGGED))
        .annotate(
            voucher=Subquery(Voucher.objects.filter(claim_id=OuterRef("claim_id")).values("state"))
        )
        .exclude(voucher=VoucherState.HELD)
        .exclude(state=Reward.State.FLAGGED, voucher=VoucherState.REDEEMED)
        .order_by("reversed_at")
        .values_list("pk", flat=True)[:MOST]
    )
    if due:
        _settle_alone(due, now)
    return len(due)


@retry_conflicts
def _settle_alone(reward_ids: Collection[UUID], now: datetime) -> None:
    with transaction():
        rewards_settle(reward_ids=reward_ids, now=now)
