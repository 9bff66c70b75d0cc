"""What can be claimed now and next, and why a person cannot (api.md, GET /batches). A read model.

It answers for the moment; only the claim decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models import Count, F, Min, Q, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from campaigns.models import CampaignState
from campaigns.selectors import campaigns_listed, funded_rank
from core.errors import Refusal
from vouchers.audiences.membership import Asked, members_among
from vouchers.models import Batch, Enrolment, QuotaRelease
from vouchers.models.persons import KeyKind
from vouchers.risk import risk_refusals
from vouchers.rules.claiming import claim_refusals
from vouchers.rules.limits import window_start
from vouchers.rules.model import BatchRules
from vouchers.rules.refusals import group_conflict, person_limit, same_person_other_account
from vouchers.selectors import KeyRef, identity_keys_of, limits_used
from vouchers.services.caps import caps_reached
from vouchers.services.claim_context import BatchContext, batch_contexts
from vouchers.states import ReleaseState

FEW_SHARE = 0.05
LOW_SHARE = 0.3


class OfferState(models.TextChoices):
    """Whether a batch can be claimed."""

    NOT_STARTED = "NOT_STARTED", _("未开始")
    OPEN = "OPEN", _("可领取")
    SOLD_OUT = "SOLD_OUT", _("已领完")
    PAUSED = "PAUSED", _("已暂停")
    CAPPED = "CAPPED", _("本期已领完")
    """What all people together may claim in this day or week is claimed."""
    UNFUNDED = "UNFUNDED", _("资金已用完")
    """A wave whose slot has come waits for money."""


class Remaining(models.TextChoices):
    """How much of the open waves is left, as a bucket: exact stock is nobody's business."""

    PLENTY = "PLENTY", _("充足")
    LOW = "LOW", _("紧张")
    FEW = "FEW", _("少量")
    NONE = "NONE", _("已领完")


@dataclass(frozen=True, slots=True)
class Stock:
    """The open waves of a batch as one channel sees them."""

    free: int = 0
    planned: int = 0
    started: bool = False
    next_release_at: datetime | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """A batch as it stands for a channel and, if one was named, for a person."""

    batch: Batch
    rules: BatchRules
    state: OfferState
    remaining: Remaining
    next_release_at: datetime | None
    refusals: tuple[Refusal, ...] | None


def batches_offered(region: str, *, now: datetime) -> QuerySet[Batch]:
    """Return the batches of running campaigns that a client of ``region`` may claim.

    Parts of packs are claimed with their pack; return vouchers and instant discounts come with
    a purchase.
    """
    known = batches_known(region, now=now).filter(pack__isnull=True)
    return known.exclude(kind__in=(Batch.Kind.RETURN, Batch.Kind.INSTANT))


def batches_known(region: str, *, now: datetime) -> QuerySet[Batch]:
    """Return the batches of running campaigns that a client of ``region`` may know of.

    Annotated for the order of api.md: ``funded_rank`` (government first), ``campaign_starts_at``.
    """
    campaigns = campaigns_listed(region, now=now).values("pk")
    return (
        Batch.objects.filter(campaign__in=campaigns, version__isnull=False)
        .select_related("campaign", "version")
        .defer("campaign__draft")
        .annotate(
            funded_rank=funded_rank("campaign_id"),
            campaign_starts_at=F("campaign__starts_at"),
        )
    )


def offers_of(
    batches: Sequence[Batch], *, client_id: UUID, person: Enrolment | None, now: datetime
) -> list[Offer]:
    """Return the offer of each batch; a constant number of queries.

    ``person`` adds why he cannot claim: every failing condition that is known before the claim.
    What the claim itself must bring (a location) is not counted against him.
    """
    contexts = batch_contexts({batch.pk for batch in batches}, until=now)
    stocks = _stocks(batches, client_id, now)
    against = _against(batches, contexts, person, now) if person else {}
    capped = caps_reached(
        {pk: (one.caps, one.own.face_fen) for pk, one in contexts.items()}, now=now
    )
    offers = []
    for batch in batches:
        context, stock = contexts[batch.pk], stocks.get(batch.pk, Stock())
        caps = capped.get(batch.pk, [])
        state = _state(batch, stock, caps)
        refusals = None
        if person:
            refusals = (*_state_refusals(state, stock), *caps, *against.get(batch.pk, ()))
        offers.append(
            Offer(
                batch,
                context.rules,
                state,
                Remaining.NONE if state == OfferState.CAPPED else _remaining(stock),
                _next_release_at(state, stock, caps),
                refusals,
            )
        )
    return offers


def _next_release_at(state: OfferState, stock: Stock, caps: Sequence[Refusal]) -> datetime | None:
    """Return when something may be claimed next: a wave, or the window after that of a cap."""
    if state == OfferState.UNFUNDED:
        return None
    if state != OfferState.CAPPED:
        return stock.next_release_at
    moments = [refusal.data.get("next_release_at") for refusal in caps]
    known: list[datetime] = [moment for moment in moments if moment is not None]
    return max(known) if len(known) == len(moments) else None


def _stocks(batches: Sequence[Batch], client_id: UUID, now: datetime) -> dict[UUID, Stock]:
    is_open = Q(state=ReleaseState.OPEN, slot__lte=now) & (
        Q(closes_at__isnull=True) | Q(closes_at__gt=now)
    )
    usable = is_open & (Q(slices__channel__isnull=True) | Q(slices__channel=client_id))
    # What other channels have not used by its hour comes to this one too.
    falling = (
        is_open
        & Q(fell_back_at__isnull=True, slices__channel__isnull=False)
        & ~Q(slices__channel=client_id)
        & Q(slices__planned__gt=F("slices__issued"))
    )
    # As the claim says it: a wave whose slot has come but which is not open yet is the next one.
    coming = Q(state=ReleaseState.PLANNED) | Q(state=ReleaseState.OPEN, slot__gt=now)
    rows = (
        QuotaRelease.objects.filter(batch__in=batches)
        .order_by()
        .values("batch_id")
        .annotate(
            free=Sum(F("slices__planned") - F("slices__issued"), filter=usable),
            planned_open=Sum("slices__planned", filter=usable),
            first=Min("slot"),
            following=Min("slot", filter=coming),
            falls_at=Min("fall_back_at", filter=falling),
            waits=Count("pk", filter=Q(state=ReleaseState.PLANNED, waiting_since__isnull=False)),
        )
    )
    return {
        row["batch_id"]: Stock(
            free=row["free"] or 0,
            planned=row["planned_open"] or 0,
            started=row["first"] <= now and not (row["following"] and row["following"] <= now),
            next_release_at=_earlier(row["following"], row["falls_at"]),
            waits=row["waits"] > 0,
        )
        for row in rows
    }


def _earlier(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _state(batch: Batch, stock: Stock, caps: Sequence[Refusal]) -> OfferState:
    if batch.campaign.state == CampaignState.PAUSED or not batch.claims_on:
        return OfferState.PAUSED
    if stock.free > 0:
        return OfferState.CAPPED if caps else OfferState.OPEN
    if stock.waits:
        return OfferState.UNFUNDED
    return OfferState.SOLD_OUT if stock.started else OfferState.NOT_STARTED


def _remaining(stock: Stock) -> Remaining:
    if stock.free <= 0:
        return Remaining.NONE
    if stock.free < stock.planned * FEW_SHARE:
        return Remaining.FEW
    return Remaining.LOW if stock.free < stock.planned * LOW_SHARE else Remaining.PLENTY


def _state_refusals(state: OfferState, stock: Stock) -> list[Refusal]:
    following = stock.next_release_at
    match state:
        case OfferState.PAUSED:
            return [Refusal("claim.paused")]
        case OfferState.NOT_STARTED:
            return [Refusal("claim.not_started", {"opens_at": following} if following else {})]
        case OfferState.SOLD_OUT:
            return [Refusal("claim.sold_out", {"next_release_at": following} if following else {})]
        case OfferState.UNFUNDED:
            return [Refusal("claim.budget_exhausted")]
        case OfferState.OPEN | OfferState.CAPPED:
            return []


def _against(
    batches: Sequence[Batch],
    contexts: Mapping[UUID, BatchContext],
    person: Enrolment,
    now: datetime,
) -> dict[UUID, list[Refusal]]:
    """Return the failing conditions of the person per batch: verification, risk, limits."""
    keys = identity_keys_of([person.pk], KeyKind.values)[person.pk]
    rules = {pk: context.rules for pk, context in contexts.items()}
    risks = risk_refusals(batches, rules, enrolment_id=person.pk, keys=keys, now=now)
    wanted = {
        (limit_id, window_start(row.window, now, context.waves))
        for context in contexts.values()
        for limit_id, row in context.claim_limits
    }
    used = limits_used(
        {(limit_id, start, key.key_id) for limit_id, start in wanted for key in keys}
    )
    members = members_among(
        {
            batch_id: Asked(context.rules.audience.code, now, [key.key_id for key in keys])
            for batch_id, context in contexts.items()
            if context.rules.audience
        }
    )
    return {
        batch_id: [
            *risks.get(batch_id, ()),
            *_person_refusals(
                context, person, keys, used, in_audience=batch_id in members, now=now
            ),
        ]
        for batch_id, context in contexts.items()
    }


def _person_refusals(
    context: BatchContext,
    person: Enrolment,
    keys: Sequence[KeyRef],
    used: Mapping[tuple[int, datetime, int], int],
    *,
    in_audience: bool,
    now: datetime,
) -> list[Refusal]:
    found = claim_refusals(
        context.rules,
        verified=person.level == Enrolment.Level.REALNAME,
        in_audience=in_audience,
        key_kinds={key.kind for key in keys},
        region_code=None,
        campaign_regions=context.regions,
    )
    # A location comes with the claim; until then its absence is no reason.
    refusals = [refusal for refusal in found if refusal.code != "claim.location_required"]
    for limit_id, row in context.claim_limits:
        start = window_start(row.window, now, context.waves)
        full = [
            key
            for key in keys
            if key.kind in row.keys
            and used.get((limit_id, start, key.key_id), 0) + row.take_of_one > row.cap
        ]
        if full and row.conflicts_with:
            refusals.append(group_conflict(row.conflicts_with))
        elif full:
            refusals += _limit_refusals(row.cap, row.window, full)
    return refusals


def _limit_refusals(count: int, window: str, full: Sequence[KeyRef]) -> list[Refusal]:
    """Say the document once, or else each other key that another account has used up."""
    if any(key.kind == "DOCUMENT" for key in full):
        return [person_limit(window=window, limit=count, used=count)]
    return [
        same_person_other_account(window=window, limit=count, kind=key.kind, masked=key.masked)
        for key in full
    ]
