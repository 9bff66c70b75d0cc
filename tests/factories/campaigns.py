"""Campaigns in force: every function gives saved rows that all constraints and checks accept.

    live = campaign_live()               # one batch 满100减30, 100 units open, cash paid in
    live = campaign_live(batches=[BatchPlan(face_fen=100, threshold_fen=500, units=5)],
                         stores=[store])

`OPENED_AT` is the moment the first release opened; claims at `OPENED_AT` or later are in time.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from campaigns.models import Campaign, Funder, Funding, Version, Whitelist, WhitelistEntry
from core.access.models import Role, User
from core.approvals.models import Approval, ApprovalDecision, ApprovalState
from core.canonical import canonical_hash, to_plain
from core.clock import business_date
from core.ids import new_id
from core.ledger.models import AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from core.money import funder_sums
from merchants.models import Store
from tests.factories.campaign_plans import (
    DAILY_LIMIT,
    ENDS_AT,
    FUNDERS,
    OPENED_AT,
    STARTS_AT,
    BatchPlan,
    FunderPlan,
    plan_document,
)
from tests.factories.merchants import PROVINCE, region_make
from tests.factories.staff import staff_make
from vouchers.models import Batch, BatchVersion, Limit, QuotaRelease, QuotaSlice
from vouchers.rules.limits import SIDES, limit_rows
from vouchers.rules.model import (
    benefit_kind,
    rules_write,
)
from vouchers.states import ReleaseState

__all__ = [
    "DAILY_LIMIT",
    "ENDS_AT",
    "FUNDERS",
    "OPENED_AT",
    "STARTS_AT",
    "BatchPlan",
    "FunderPlan",
    "LiveCampaign",
    "approval_make",
    "campaign_live",
    "funder_make",
    "later",
    "release_open",
    "whitelist_make",
]

_serial = itertools.count(1)


@dataclass(frozen=True, slots=True)
class LiveCampaign:
    """What `campaign_live` made; lists follow the order of the plans."""

    campaign: Campaign
    version: Version
    funders: list[Funder]
    fundings: list[Funding]
    batches: list[Batch]
    releases: list[QuotaRelease]
    whitelist: Whitelist

    @property
    def batch(self) -> Batch:
        """The first batch."""
        return self.batches[0]

    @property
    def release(self) -> QuotaRelease:
        """The release of the first batch."""
        return self.releases[0]


def funder_make(plan: FunderPlan = FUNDERS[0]) -> Funder:
    """Return a new funder."""
    number = next(_serial)
    return Funder.objects.create(
        code=f"funder-{number}", name=f"{plan.name}{number}", level=plan.level
    )


def approval_make(
    kind: str = "campaign.version",
    *,
    content: object = None,
    subject_id: object = "",
    maker: User | None = None,
    checker: User | None = None,
    region: str = PROVINCE,
    now: datetime = STARTS_AT,
) -> Approval:
    """Return an approved approval by two people."""
    approval = Approval.objects.create(
        kind=kind,
        subject_type="test",
        subject_id=str(subject_id or new_id()),
        title="测试审批",
        config_hash=canonical_hash(content),
        owner_region=region,
        maker=maker or staff_make(Role.CAMPAIGN_MAKER, region=region),
        created_at=now,
    )
    ApprovalDecision.objects.create(
        approval=approval,
        step=1,
        checker=checker or staff_make(Role.CAMPAIGN_CHECKER, region=region),
        agreed=True,
        at=now,
    )
    approval.state, approval.decided_at = ApprovalState.APPROVED, now
    approval.save(update_fields=["state", "decided_at"])
    return approval


def campaign_live(
    *,
    code: str = "",
    region: str = PROVINCE,
    regions: Sequence[str] = (),
    starts_at: datetime = STARTS_AT,
    opened_at: datetime = OPENED_AT,
    ends_at: datetime = ENDS_AT,
    funders: Sequence[FunderPlan] = FUNDERS,
    batches: Sequence[BatchPlan] = (BatchPlan(),),
    stores: Sequence[Store] = (),
    paid_in: bool = True,
    state: str = "LIVE",
) -> LiveCampaign:
    """Return a campaign in ``state`` with approved version, batches, one open release per batch.

    Every funder's quota is exactly what the batches need; with ``paid_in`` the PREFUNDED ones have
    paid it in cash. ``stores`` are on the whitelist in force.
    """
    code = code or f"campaign-{next(_serial)}"
    region_make(region)
    campaign = Campaign.objects.create(
        code=code,
        title=f"测试活动 {code}",
        owner_region=region,
        regions=list(regions or [region]),
        starts_at=starts_at,
        ends_at=ends_at,
        created_at=starts_at,
    )
    rows = [funder_make(plan) for plan in funders]
    fundings = _fundings(campaign, rows, funders, batches, starts_at)
    document = plan_document(campaign, rows, fundings, funders, batches)
    approval = approval_make(content=document, subject_id=campaign.pk, region=region, now=starts_at)
    version = Version.objects.create(
        campaign=campaign,
        number=1,
        document=document,
        config_hash=approval.config_hash,
        approval=approval,
        frozen_at=starts_at,
    )
    campaign.draft, campaign.version = document, version
    for step in ("SUBMITTED", "APPROVED", "LIVE"):
        campaign.state = step
        campaign.save()
    if state != "LIVE":
        campaign.state = state
        campaign.save()
    made = [_batch(version, rows, funders, plan, position) for position, plan in enumerate(batches)]
    _money(campaign, made, rows, fundings, starts_at, paid_in=paid_in)
    releases = [
        release_open(
            batch,
            units=plan.units if plan.open_units is None else plan.open_units,
            at=opened_at,
            closes_at=plan.closes_at,
        )
        for batch, plan in zip(made, batches, strict=True)
    ]
    return LiveCampaign(
        campaign=campaign,
        version=version,
        funders=rows,
        fundings=fundings,
        batches=made,
        releases=releases,
        whitelist=whitelist_make(campaign, stores, at=starts_at),
    )


def release_open(
    batch: Batch, *, units: int, at: datetime, closes_at: datetime | None = None
) -> QuotaRelease:
    """Open a further release of ``units`` of a batch, with its money reserved."""
    release = QuotaRelease.objects.create(
        batch=batch,
        slot=at,
        closes_at=closes_at,
        planned_units=units,
        opened_units=units,
        state=ReleaseState.OPEN,
        owner_region=batch.owner_region,
        opened_at=at,
    )
    QuotaSlice.objects.create(release=release, planned=units)
    batch.refresh_from_db()
    before = funder_sums(batch.face_fen, batch.weights, batch.released)
    batch.released += units
    batch.save(update_fields=["released"])
    after = funder_sums(batch.face_fen, batch.weights, batch.released)
    _post(
        EntryCode.RELEASE_OPEN,
        batch.campaign_id,
        f"release_open:{release.pk}",
        at,
        [
            Transfer(
                funder_id,
                AccountKind.ALLOCATED,
                AccountKind.RESERVED,
                new - old,
                batch.pk,
                batch.pk,
            )
            for funder_id, new, old in zip(batch.funder_ids, after, before, strict=True)
        ],
    )
    return release


def whitelist_make(
    campaign: Campaign, stores: Sequence[Store] = (), *, number: int = 1, at: datetime = STARTS_AT
) -> Whitelist:
    """Return a whitelist in force with ``stores`` on it."""
    whitelist = Whitelist.objects.create(
        campaign=campaign, number=number, owner_region=campaign.owner_region, created_at=at
    )
    WhitelistEntry.objects.bulk_create(
        WhitelistEntry(whitelist=whitelist, store=store) for store in stores
    )
    whitelist.state = Whitelist.State.SUBMITTED
    whitelist.save(update_fields=["state"])
    whitelist.state, whitelist.in_force_at = Whitelist.State.IN_FORCE, at
    whitelist.save(update_fields=["state", "in_force_at"])
    return whitelist


def _fundings(
    campaign: Campaign,
    rows: Sequence[Funder],
    plans: Sequence[FunderPlan],
    batches: Sequence[BatchPlan],
    at: datetime,
) -> list[Funding]:
    weights = [plan.weight for plan in plans]
    needed = [0] * len(plans)
    for plan in batches:
        sums = funder_sums(plan.face_fen, weights, plan.units)
        needed = [old + new for old, new in zip(needed, sums, strict=True)]
    return [
        Funding.objects.create(
            campaign=campaign,
            funder=funder,
            mode=plan.mode,
            quota_fen=fen,
            document={"number": f"测试〔{at:%Y}〕{position + 1}号"},
            position=position,
        )
        for position, (funder, plan, fen) in enumerate(zip(rows, plans, needed, strict=True))
    ]


def _batch(
    version: Version,
    rows: Sequence[Funder],
    funders: Sequence[FunderPlan],
    plan: BatchPlan,
    position: int,
) -> Batch:
    campaign = version.campaign
    rules = plan.batch_rules()
    batch = Batch.objects.create(
        campaign=campaign,
        code=f"b{position + 1}",
        name=plan.name,
        kind=benefit_kind(rules),
        owner_region=campaign.owner_region,
        face_fen=plan.face_fen,
        planned_units=plan.units,
        funder_ids=[row.pk for row in rows],
        weights=[one.weight for one in funders],
        concessions=[one.mode == Funding.Mode.MERCHANT_CONCESSION for one in funders],
        position=position,
    )
    batch.version = BatchVersion.objects.create(
        batch=batch, version=version, rules=to_plain(rules_write(rules))
    )
    batch.save(update_fields=["version"])
    for side in SIDES:
        for limit in limit_rows(batch.code, rules, side):
            Limit.objects.get_or_create(campaign=campaign, code=limit.code, defaults={"side": side})
    return batch


def _money(
    campaign: Campaign,
    batches: Sequence[Batch],
    funders: Sequence[Funder],
    fundings: Sequence[Funding],
    at: datetime,
    *,
    paid_in: bool,
) -> None:
    budget, cash = [], []
    for funding in fundings:
        concession = funding.mode == Funding.Mode.MERCHANT_CONCESSION
        source = AccountKind.CONCESSION if concession else AccountKind.FUNDER_RECEIVABLE
        budget.append(Transfer(funding.funder_id, source, AccountKind.AVAILABLE, funding.quota_fen))
        if paid_in and funding.mode == Funding.Mode.PREFUNDED:
            cash.append(
                Transfer(
                    funding.funder_id,
                    AccountKind.CASH,
                    AccountKind.FUNDER_RECEIVABLE,
                    funding.quota_fen,
                )
            )
    _post(EntryCode.BUDGET, campaign.pk, f"budget:{campaign.pk}", at, budget)
    _post(EntryCode.FUNDS_RECEIVED, campaign.pk, f"funds:{campaign.pk}", at, cash)
    for batch in batches:
        sums = funder_sums(batch.face_fen, batch.weights, batch.planned_units)
        _post(
            EntryCode.ALLOCATE,
            campaign.pk,
            f"allocate:{batch.pk}",
            at,
            [
                Transfer(
                    funder.pk,
                    AccountKind.AVAILABLE,
                    AccountKind.ALLOCATED,
                    fen,
                    credit_unit=batch.pk,
                )
                for funder, fen in zip(funders, sums, strict=True)
            ],
        )


def _post(
    code: EntryCode, campaign_id: UUID, key: str, at: datetime, transfers: Sequence[Transfer]
) -> None:
    day: date = business_date(at)
    entry_post(
        code=code,
        campaign_id=campaign_id,
        source_key=key,
        business_date=day,
        at=at,
        transfers=transfers,
    )


def later(**delta: float) -> datetime:
    """Return a moment after `OPENED_AT`: ``later(hours=3)``."""
    return OPENED_AT + timedelta(**delta)
