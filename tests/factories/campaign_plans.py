"""What a test campaign is to be: funders, batches, moments (see tests/factories/campaigns.py)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from campaigns.definition.document import Definition
from campaigns.definition.model import CampaignSpec, FunderSpec
from campaigns.models import Campaign, Funder, Funding
from core.clock import TIME_ZONE
from core.money import funder_sums
from vouchers.definition.model import BatchSpec
from vouchers.rules.benefit_model import Benefit, ThresholdBenefit
from vouchers.rules.model import BatchRules, LimitRule, Location, UseScope, Validity

STARTS_AT = datetime(2026, 3, 6, tzinfo=TIME_ZONE)
OPENED_AT = datetime(2026, 3, 6, 8, tzinfo=TIME_ZONE)
ENDS_AT = datetime(2026, 4, 1, tzinfo=TIME_ZONE)

DAILY_LIMIT = LimitRule(
    code="daily",
    side="CLAIM",
    scope="CAMPAIGN",
    window="DAY",
    count=1,
    keys=("DOCUMENT", "MOBILE", "DEVICE"),
)
HOURS_72 = Validity(mode="HOURS", value=72)
ANYWHERE = UseScope()
NO_LOCATION = Location()


@dataclass(frozen=True, slots=True)
class FunderPlan:
    """A funder of the campaign: its weight on every face and the mode of its money."""

    name: str
    weight: int
    mode: str = Funding.Mode.PREFUNDED
    level: str = Funder.Level.PROVINCE


FUNDERS = (
    FunderPlan("自治区财政", 200),
    FunderPlan("银行", 70, Funding.Mode.OPERATOR_ADVANCE, Funder.Level.BANK),
    FunderPlan("商户让利", 30, Funding.Mode.MERCHANT_CONCESSION, Funder.Level.MERCHANT),
)


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """A batch, 满减 unless told: ``units`` planned, ``open_units`` of them open (else all)."""

    face_fen: int = 3_000
    threshold_fen: int = 10_000
    units: int = 100
    open_units: int | None = None
    closes_at: datetime | None = None
    limits: tuple[LimitRule, ...] = (DAILY_LIMIT,)
    validity: Validity = HOURS_72
    use: UseScope = ANYWHERE
    location: Location = NO_LOCATION
    benefit: Benefit | None = None
    rules: Mapping[str, Any] = field(default_factory=dict)
    """Other fields of `BatchRules`, e.g. ``{"refund_policy": "ALWAYS_CONSUMED"}``."""

    @property
    def name(self) -> str:
        """The batch's name, e.g. 满100减30."""
        return f"满{self.threshold_fen // 100}减{self.face_fen // 100}"

    def batch_rules(self) -> BatchRules:
        """Return the rules that are frozen for this batch."""
        return BatchRules(
            benefit=self.benefit or ThresholdBenefit(threshold_fen=self.threshold_fen),
            validity=self.validity,
            limits=self.limits,
            use=self.use,
            location=self.location,
            **self.rules,
        )


def plan_document(
    campaign: Campaign,
    rows: Sequence[Funder],
    fundings: Sequence[Funding],
    funders: Sequence[FunderPlan],
    batches: Sequence[BatchPlan],
) -> dict[str, Any]:
    """Spell what the rows say as the canonical document, unchecked: plans may break its rules."""
    codes = [row.code for row in rows]
    weights = [plan.weight for plan in funders]
    spec = CampaignSpec(
        format="xfq-campaign/1",
        code=campaign.code,
        title=campaign.title,
        owner_region=campaign.owner_region,
        regions=tuple(campaign.regions),
        starts_at=campaign.starts_at,
        ends_at=campaign.ends_at,
        funders=tuple(_funder_spec(funding) for funding in fundings),
    )
    specs = [
        BatchSpec(
            code=f"b{position + 1}",
            name=plan.name,
            face_fen=plan.face_fen,
            units=plan.units,
            funders=dict(zip(codes, weights, strict=True)),
            budget=dict(zip(codes, funder_sums(plan.face_fen, weights, plan.units), strict=True)),
            rules=plan.batch_rules(),
        )
        for position, plan in enumerate(batches)
    ]
    return Definition(spec, {"batches": specs}).document()


def _funder_spec(funding: Funding) -> FunderSpec:
    value: FunderSpec = msgspec.convert(
        {
            "code": funding.funder.code,
            "name": funding.funder.name,
            "level": funding.funder.level,
            "mode": str(funding.mode),
            "quota_fen": funding.quota_fen,
            "document": {"number": funding.document["number"], "year": 2026},
        },
        FunderSpec,
    )
    return value
