"""The figures of the first page: the region's own campaigns, and its stores in higher ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from uuid import UUID

from django.db.models import Case, F, Q, Sum, When

from campaigns.models import Campaign
from core.access.models import User
from core.access.region_codes import subtree_contains
from core.access.roles import grants_permitting
from core.access.scope import ScopeFields, scope_queryset
from core.invariants.services import LastCheck, invariants_last
from core.ledger.models import DEBIT_SIDE, Account, AccountKind
from redemption.dashboard.snapshot import STARTED, Redeemed, Snapshot, snapshot_last
from redemption.settlement.metrics import AtStores, ratio
from vouchers.models import Batch

ACTION = "core.view_dashboard"
UPPER_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Books:
    """Whether the books balance: debit and credit side of every campaign and funder now, and the
    last run of all checks.
    """

    unbalanced: int
    last: LastCheck | None

    @property
    def balanced(self) -> bool:
        """Both sides agree, and no check found anything."""
        return not self.unbalanced and not (self.last and self.last.violations)


@dataclass(frozen=True, slots=True)
class Upper:
    """A campaign of a higher region that covers the own one: to be read, not to be run."""

    campaign_id: UUID
    title: str
    state: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Released, claimed, redeemed (units and fen); money by stage; of the region's own campaigns.

    ``upper`` are the campaigns of higher regions that cover the own one, ``at_stores`` what the
    stores of the own region took in campaigns that are not its own.
    """

    campaigns: int
    released_units: int
    released_fen: int
    claimed_units: int
    claimed_fen: int
    redeemed: Redeemed
    taken_at: datetime | None
    balances: dict[str, int]
    books: Books
    upper: tuple[Upper, ...]
    at_stores: AtStores

    @property
    def rate_by_count(self) -> Fraction | None:
        """核销率（按张数）: redeemed per claimed units."""
        return ratio(self.redeemed.units, self.claimed_units)

    @property
    def rate_by_amount(self) -> Fraction | None:
        """核销率（按金额）: redeemed per claimed face."""
        return ratio(self.redeemed.redeemed_fen, self.claimed_fen)

    @property
    def leverage_government(self) -> Fraction | None:
        """财政撬动比: 直接带动额 ÷ government part redeemed, both net."""
        return ratio(self.redeemed.order_net_fen, self.redeemed.government_net_fen)

    @property
    def leverage_all(self) -> Fraction | None:
        """综合撬动比: 直接带动额 ÷ all parts redeemed, both net."""
        return ratio(self.redeemed.order_net_fen, self.redeemed.subsidy_net_fen)

    @property
    def leverage_issued(self) -> Fraction | None:
        """撬动比（按发券额）: 直接带动额 ÷ face issued."""
        return ratio(self.redeemed.order_net_fen, self.claimed_fen)


def figures_read(*, user: User) -> Figures:
    """Read the figures; the number of queries does not grow with the data."""
    campaigns = list(
        scope_queryset(
            Campaign.objects.all(), user, ScopeFields(owner="owner_region"), action=ACTION
        ).values_list("pk", flat=True)
    )
    # Vouchers, not packs: what a pack opens and gives is counted by its parts.
    vouchers = Batch.objects.filter(campaign_id__in=campaigns).exclude(kind=Batch.Kind.PACK)
    units = vouchers.aggregate(
        released_units=Sum("released", default=0),
        released_fen=Sum(F("released") * F("face_fen"), default=0),
        issued_units=Sum("issued", default=0),
        issued_fen=Sum(F("issued") * F("face_fen"), default=0),
    )
    snapshot = snapshot_last()
    redeemed = Redeemed()
    if snapshot is not None:
        for campaign_id in campaigns:
            redeemed = redeemed.plus(snapshot.campaigns.get(campaign_id, Redeemed()))
    accounts = Account.objects.filter(campaign_id__in=campaigns).order_by()
    rows = accounts.values_list("kind").annotate(fen=Sum("balance_fen"))
    return Figures(
        campaigns=len(campaigns),
        released_units=units["released_units"],
        released_fen=units["released_fen"],
        claimed_units=units["issued_units"],
        claimed_fen=units["issued_fen"],
        redeemed=redeemed,
        taken_at=snapshot.at if snapshot else None,
        balances={**dict.fromkeys(AccountKind.values, 0), **dict(rows)},
        books=Books(_unbalanced(campaigns), invariants_last()),
        upper=_upper(user, campaigns),
        at_stores=_at_stores(user, campaigns, snapshot),
    )


def _upper(user: User, own: Sequence[UUID]) -> tuple[Upper, ...]:
    """Return the campaigns that cover the region without being its own, the newest first."""
    fields = ScopeFields(owner="owner_region", covers="regions")
    rows = scope_queryset(Campaign.objects.all(), user, fields, action=ACTION)
    started = rows.filter(state__in=STARTED).exclude(pk__in=own).order_by("-starts_at", "pk")
    return tuple(
        Upper(campaign.pk, campaign.title, campaign.get_state_display())
        for campaign in started[:UPPER_SHOWN]
    )


def _at_stores(user: User, own: Sequence[UUID], snapshot: Snapshot | None) -> AtStores:
    """Add up what the region's stores took in campaigns that are not its own."""
    regions = [
        grant.region for grant in grants_permitting(user, ACTION) if grant.organisation_id is None
    ]
    total = AtStores()
    for campaign_id, found in (snapshot.at_stores if snapshot else {}).items():
        if campaign_id in own:
            continue
        for code, figures in found.items():
            if any(subtree_contains(region, code) for region in regions):
                total = total.plus(figures)
    return total


def _unbalanced(campaigns: Sequence[UUID]) -> int:
    """Count the pairs of campaign and funder whose two sides differ."""
    signed = Case(When(kind__in=DEBIT_SIDE, then=F("balance_fen")), default=-F("balance_fen"))
    pairs = (
        Account.objects.filter(campaign_id__in=campaigns)
        .order_by()
        .values("campaign_id", "funder_id")
        .annotate(difference=Sum(signed))
    )
    return pairs.filter(~Q(difference=0)).count()
