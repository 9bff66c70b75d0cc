"""Put the stations of one redemption together; a constant number of queries."""

from uuid import UUID

from django.db.models import Q

from campaigns.models import Funder
from core.access.models import User
from core.access.scope import ScopeFields, scope_queryset
from core.ids import from_public
from redemption.answers import REDEMPTION
from redemption.models import Redemption, RedemptionLine, RedemptionStep
from redemption.trace.books import entries_stage, steps_stage
from redemption.trace.claims import claim_stage, funders_stage, version_stage
from redemption.trace.settlement import (
    freezes_stage,
    items_of,
    payout_stage,
    recon_stage,
    settlement_stage,
)
from redemption.trace.stage import Stage

SCOPE = ScopeFields(store="store_region", organisation="acquirer__organisation_id")
VIEW = "redemption.view_redemption"


def trace_find(user: User, text: str) -> UUID | None:
    """Return the redemption a member of staff means by its number, order, trade or voucher."""
    wanted = text.strip()
    if not wanted.isprintable() or not wanted:
        return None
    number = from_public(REDEMPTION, wanted)
    if number is not None:
        return _visible(user, Q(pk=number))
    by_voucher = RedemptionLine.objects.filter(voucher__code=wanted).values("redemption")
    return _visible(user, Q(pk__in=by_voucher)) or _visible(
        user, Q(order_no=wanted) | Q(channel_trade_no=wanted)
    )


def _visible(user: User, condition: Q) -> UUID | None:
    return (
        scope_queryset(Redemption.objects.filter(condition), user, SCOPE, action=VIEW)
        .order_by("-held_at", "pk")
        .values_list("pk", flat=True)
        .first()
    )


def trace_redemption(user: User, redemption_id: UUID) -> Redemption | None:
    """Return the redemption if it is in the scope of this member of staff."""
    return (
        scope_queryset(Redemption.objects.filter(pk=redemption_id), user, SCOPE, action=VIEW)
        .select_related("store", "terminal", "acquirer", "whitelist")
        .first()
    )


def trace_stages(user: User, redemption: Redemption) -> list[Stage]:
    """Return the stations in order, those whose rows this member of staff may not see left out."""
    steps = list(
        RedemptionStep.objects.filter(redemption=redemption)
        .select_related("client")
        .order_by("seq")
    )
    funders = dict(
        Funder.objects.filter(fundings__campaign=redemption.campaign_id).values_list("pk", "name")
    )
    stages: list[Stage] = []
    for line in _lines(redemption):
        if user.has_perm("vouchers.view_voucher"):
            stages.append(claim_stage(line))
        if user.has_perm("campaigns.view_version"):
            stages.append(version_stage(line))
        stages.append(funders_stage(line, funders))
    stages.append(steps_stage(redemption, steps))
    if user.has_perm("core.view_entry"):
        stages.append(entries_stage(steps, funders))
    if user.has_perm("core.view_case"):
        held = freezes_stage(redemption)
        stages += [held] if held else []
    items = items_of(steps)
    if user.has_perm("redemption.view_settlementbatch"):
        stages.append(settlement_stage(items))
    if user.has_perm("redemption.view_payout"):
        stages.append(payout_stage(items))
    if user.has_perm("redemption.view_reconrow"):
        stages.append(recon_stage(redemption, steps))
    return stages


def _lines(redemption: Redemption) -> list[RedemptionLine]:
    return list(
        RedemptionLine.objects.filter(redemption=redemption)
        .select_related(
            "voucher__claim__client",
            "voucher__claim__slice__release",
            "voucher__campaign",
            "voucher__batch",
            "voucher__batch_version__version__approval__maker",
        )
        .prefetch_related("voucher__batch_version__version__approval__decisions__checker")
        .order_by("pk")
    )
