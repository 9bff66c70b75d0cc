"""The purchases that events tell of, with what the triggers of return vouchers look at."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet
from msgspec.structs import replace

from campaigns.models import CampaignState
from merchants.models import Merchant, Transaction
from redemption.models import Redemption, Reward
from redemption.rules.eligibility import purchase_refusals
from redemption.rules.facts import PaymentFacts, PlaceFacts, VoucherFacts
from redemption.services.wallet import lists_in_force
from redemption.states import RedemptionState
from vouchers.models import Batch, Enrolment, EnrolmentKey
from vouchers.models.persons import KeyKind
from vouchers.rules.model import BatchRules, TriggerRule, purchase_rules, rules_read
from vouchers.states import VoucherState

SAME_PURCHASE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase of a person; ``left_fen`` is what refunds have left of the order.

    ``campaign_id`` and ``batches`` are those of the vouchers it was paid with, if any.
    """

    source: str
    source_id: UUID
    enrolment: Enrolment
    payment: PaymentFacts
    left_fen: int
    campaign_id: UUID | None = None
    batches: tuple[tuple[str, str], ...] = ()
    """Code and kind of each."""

    @property
    def key(self) -> tuple[str, UUID]:
        """Which purchase it is."""
        return self.source, self.source_id


@dataclass(frozen=True, slots=True)
class ReturnBatch:
    """A batch of return vouchers with its rules in force."""

    row: Batch
    rules: BatchRules
    trigger: TriggerRule


def redemption_purchases(redemption_ids: Collection[UUID]) -> list[Purchase]:
    """Return the confirmed payments among these redemptions; a cancelled one has nothing left."""
    rows = (
        Redemption.objects.filter(pk__in=redemption_ids, confirmed_at__isnull=False)
        .select_related("enrolment__client", "store", "merchant__brand")
        .prefetch_related("lines__batch")
        .order_by("pk")
    )
    return [
        Purchase(
            source=Reward.Source.REDEMPTION,
            source_id=row.pk,
            enrolment=row.enrolment,
            payment=PaymentFacts(
                at=row.confirmed_at or row.held_at,
                order_fen=row.order_fen,
                other_discount_fen=row.other_discount_fen,
                flow=row.flow,
                card_bin=row.card_bin,
                place=_place(row),
                bank_discount_fen=row.bank_discount_fen,
            ),
            left_fen=_left_of(row),
            campaign_id=row.campaign_id,
            batches=tuple((line.batch.code, line.batch.kind) for line in row.lines.all()),
        )
        for row in rows
    ]


def transaction_purchase(transaction_id: UUID, enrolment_id: UUID) -> Purchase:
    """Return a reported purchase of a person."""
    row = Transaction.objects.select_related("store", "merchant__brand").get(pk=transaction_id)
    return Purchase(
        source=Reward.Source.TRANSACTION,
        source_id=row.pk,
        enrolment=Enrolment.objects.select_related("client").get(pk=enrolment_id),
        payment=PaymentFacts(
            at=row.traded_at,
            order_fen=row.order_fen,
            other_discount_fen=0,
            flow=row.flow,
            card_bin=row.card_bin,
            place=_place(row),
        ),
        left_fen=row.order_fen - row.refunded_fen,
    )


def left_fen(source: str, source_ids: Collection[UUID], *, lock: bool = False) -> dict[UUID, int]:
    """Return what is left of these purchases; with ``lock`` it stays so for the transaction."""
    if source == Reward.Source.REDEMPTION:
        rows = Redemption.objects.filter(pk__in=source_ids).order_by("pk")
        paid = rows.select_for_update(no_key=True) if lock else rows
        return {row.pk: _left_of(row) for row in paid}
    told = Transaction.objects.filter(pk__in=source_ids).order_by("pk")
    reported = told.select_for_update(no_key=True) if lock else told
    return {row.pk: row.order_fen - row.refunded_fen for row in reported}


def told_before(purchase: Purchase) -> bool:
    """Tell whether a reported purchase was paid with a voucher, or reported by somebody else too.

    The same amount at the same till within ten minutes, by the same natural person: till and
    channel number it differently. At most three queries.
    """
    place, at = purchase.payment.place, purchase.payment.at
    if purchase.source != Reward.Source.TRANSACTION or place is None:
        return False
    near = (at - SAME_PURCHASE, at + SAME_PURCHASE)
    person = _same_person(purchase.enrolment)
    here = {"store_id": place.store_id, "terminal_id": place.terminal_id}
    paid = Redemption.objects.filter(
        **here,
        confirmed_at__range=near,
        order_fen=purchase.payment.order_fen,
        enrolment_id__in=person,
    )
    reported = Transaction.objects.filter(
        **here, traded_at__range=near, order_fen=purchase.payment.order_fen
    ).exclude(pk=purchase.source_id)
    given = Reward.objects.filter(
        source=Reward.Source.TRANSACTION, enrolment_id__in=person, claim_id__isnull=False
    )
    return paid.exists() or given.filter(source_id__in=reported.values("pk")).exists()


def _same_person(enrolment: Enrolment) -> QuerySet[EnrolmentKey, UUID]:
    """Return the accounts that carry the person's document, his own among them."""
    documents = EnrolmentKey.objects.filter(kind=KeyKind.DOCUMENT, valid_until=None)
    mine = documents.filter(enrolment=enrolment).values("key_id")
    return documents.filter(key_id__in=mine).values_list("enrolment_id", flat=True)


def batches_met(purchases: Collection[Purchase]) -> Iterator[tuple[Purchase, ReturnBatch]]:
    """Yield each purchase with the return batches whose trigger it meets."""
    found = list(_return_batches(purchases))
    listed = lists_in_force(
        {one.row.campaign_id for one in found},
        {one.payment.place.store_id for one in purchases if one.payment.place},
    )
    for purchase in purchases:
        for batch in found:
            if _is_met(purchase, batch, listed):
                yield purchase, batch


def _return_batches(purchases: Collection[Purchase]) -> Iterator[ReturnBatch]:
    rows = Batch.objects.filter(kind=Batch.Kind.RETURN, version__isnull=False).select_related(
        "campaign", "version"
    )
    if all(one.source == Reward.Source.REDEMPTION for one in purchases):
        rows = rows.filter(campaign_id__in={one.campaign_id for one in purchases})
    else:
        rows = rows.filter(campaign__state__in=(CampaignState.LIVE, CampaignState.PAUSED))
    for row in rows.order_by("pk"):
        rules = rules_read(row.version.rules) if row.version else None
        if rules is not None and rules.trigger is not None:
            yield ReturnBatch(row, rules, rules.trigger)


def _is_met(purchase: Purchase, batch: ReturnBatch, listed: Collection[tuple[UUID, UUID]]) -> bool:
    trigger, campaign, place = batch.trigger, batch.row.campaign, purchase.payment.place
    if trigger.source != purchase.source or not trigger.is_met_by(purchase.left_fen):
        return False
    if not campaign.starts_at <= purchase.payment.at < campaign.ends_at:
        return False
    paid_with_voucher = purchase.source == Reward.Source.REDEMPTION
    if paid_with_voucher and purchase.campaign_id != campaign.pk:
        return False
    if paid_with_voucher and not _counts(purchase, trigger):
        return False
    is_listed = place is not None and (campaign.pk, place.store_id) in listed
    payment = replace(purchase.payment, listed_in=frozenset({campaign.pk} if is_listed else ()))
    return not purchase_refusals(_as_used(batch, purchase), payment)


def _counts(purchase: Purchase, trigger: TriggerRule) -> bool:
    named = {one.batch for one in trigger.batches}
    return any(
        code in named if named else kind != Batch.Kind.RETURN for code, kind in purchase.batches
    )


def _as_used(batch: ReturnBatch, purchase: Purchase) -> VoucherFacts:
    """Return a voucher that would be used at the purchase, under the rules of the trigger."""
    row, campaign = batch.row, batch.row.campaign
    return VoucherFacts(
        voucher_id=purchase.source_id,
        batch_id=row.pk,
        campaign_id=campaign.pk,
        enrolment_id=purchase.enrolment.pk,
        client_id=purchase.enrolment.client_id,
        face_fen=row.face_fen,
        parts=(),
        funder_ids=(),
        state=VoucherState.ACTIVE,
        valid_from=campaign.starts_at,
        valid_until=campaign.ends_at,
        held_until=None,
        rules=purchase_rules(batch.rules) or batch.rules,
        batch_code=row.code,
        batch_name=row.name,
        owner_region=row.owner_region,
        campaign_regions=tuple(campaign.regions),
        paused=False,
    )


def _place(row: Redemption | Transaction) -> PlaceFacts:
    """Return where a payment that was accepted took place."""
    store, merchant = row.store, row.merchant
    return PlaceFacts(
        acquirer_id=row.acquirer_id,
        merchant_id=row.merchant_id,
        store_id=row.store_id,
        terminal_id=row.terminal_id,
        store_region=row.store_region,
        industry=merchant.industry,
        mcc=merchant.mcc,
        store_active=True,
        merchant_state=Merchant.State.ACTIVE,
        store_no=store.store_no,
        tier=merchant.tier,
        brand=merchant.brand.code if merchant.brand else "",
    )


def _left_of(row: Redemption) -> int:
    confirmed = row.state == RedemptionState.CONFIRMED
    return row.order_fen - row.refunded_order_fen if confirmed else 0
