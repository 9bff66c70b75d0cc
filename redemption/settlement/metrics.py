"""The figures of a campaign for reports, rehearsal and first page, each defined in docs/metrics.md.

Amounts are fen. Ratios are exact fractions, None where the denominator is zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from django.db import connection

from campaigns.models import Campaign, Funding
from core.clock import TIME_ZONE
from merchants.models import Merchant
from redemption.settlement import metric_queries as queries

BEGINNING = datetime(2000, 1, 1, tzinfo=TIME_ZONE)
LEVERAGE_BANDS = {"voucher": (3, 15), "mixed": (7, 15), "car": (20, 50)}
"""Bands to warn, not to block (domain-rules §11)."""


@dataclass(frozen=True, slots=True)
class Breakdown:
    """One value of a dimension: payments and vouchers in force, amounts net of refunds."""

    key: str
    label: str
    payments: int
    vouchers: int
    order_net_fen: int
    subsidy_net_fen: int


@dataclass(frozen=True, slots=True)
class AtStores:
    """Redemptions at the stores of a region: vouchers and payments in force, amounts in fen.

    ``redeemed_fen`` is the subsidy of payments in force, of which ``refunded_fen`` was refunded
    since; ``order_net_fen`` is 直接带动额.
    """

    units: int = 0
    payments: int = 0
    redeemed_fen: int = 0
    refunded_fen: int = 0
    order_net_fen: int = 0

    @property
    def subsidy_net_fen(self) -> int:
        """Subsidy net of cancels and refunds."""
        return self.redeemed_fen - self.refunded_fen

    def plus(self, other: "AtStores") -> "AtStores":
        """Add two regions or campaigns."""
        names = [field.name for field in fields(self)]
        return AtStores(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(frozen=True, slots=True)
class FunderShare:
    """What one funder gave: gross at confirm, and net of cancels and refunds."""

    funder_id: UUID
    name: str
    mode: str
    government: bool
    gross_fen: int
    returned_fen: int

    @property
    def net_fen(self) -> int:
        """Gross less what cancels and refunds returned."""
        return self.gross_fen - self.returned_fen


@dataclass(frozen=True, slots=True)
class FundingProgress:
    """资金进度 of one funder: 批复, 到账, 垫付, 已结算, 待结算, 冻结, 结余, in fen."""

    funder_id: UUID
    name: str
    mode: str
    quota_fen: int
    received_fen: int
    advanced_fen: int
    settled_fen: int
    pending_fen: int
    frozen_fen: int
    left_fen: int


@dataclass(frozen=True, slots=True)
class SettlementIdentity:
    """Σ settled facts = Σ redemptions − Σ refunds of cash funders, once everything is settled.

    ``paid_fen`` is what banks paid out; it exceeds the settled sum by what merchants still owe.
    """

    settlement_fen: int
    redemptions_minus_refunds_fen: int
    paid_fen: int
    owed_fen: int

    @property
    def holds(self) -> bool:
        """Everything is settled, to the fen."""
        return self.settlement_fen == self.redemptions_minus_refunds_fen


@dataclass(frozen=True, slots=True)
class CampaignMetrics:
    """Figures of one campaign over a period; see docs/metrics.md for each."""

    released_units: int
    released_fen: int
    claimed_units: int
    claimed_fen: int
    claimants: int
    payments: int
    confirmed_units: int
    order_fen: int
    payer_fen: int
    subsidy_fen: int
    cancels: int
    cancelled_units: int
    cancelled_order_fen: int
    cancelled_fen: int
    refunds: int
    refunded_order_fen: int
    refunded_fen: int
    expired_units: int
    expired_fen: int
    person_times: int
    merchants_active: int
    stores_active: int
    persons: int
    funders: tuple[FunderShare, ...]

    @property
    def redeemed_units(self) -> int:
        """核销张数: confirmed and not cancelled."""
        return self.confirmed_units - self.cancelled_units

    @property
    def redeemed_fen(self) -> int:
        """核销金额: subsidy at confirm, less cancelled payments; refunds are shown apart."""
        return self.subsidy_fen - self.cancelled_fen

    @property
    def subsidy_net_fen(self) -> int:
        """Subsidy net of cancels and refunds."""
        return self.redeemed_fen - self.refunded_fen

    @property
    def order_net_fen(self) -> int:
        """直接带动额: order amounts net of cancels and refunds."""
        return self.order_fen - self.cancelled_order_fen - self.refunded_order_fen

    @property
    def government_net_fen(self) -> int:
        """The government funders' part, net of cancels and refunds."""
        return sum(share.net_fen for share in self.funders if share.government)

    @property
    def concession_fen(self) -> int:
        """The merchants' own part, gross at confirm."""
        mode = Funding.Mode.MERCHANT_CONCESSION
        return sum(share.gross_fen for share in self.funders if share.mode == mode)

    @property
    def rate_by_count(self) -> Fraction | None:
        """核销率（按张数）: redeemed per claimed units."""
        return ratio(self.redeemed_units, self.claimed_units)

    @property
    def rate_by_amount(self) -> Fraction | None:
        """核销率（按金额）: redeemed per claimed face."""
        return ratio(self.redeemed_fen, self.claimed_fen)

    @property
    def leverage_government(self) -> Fraction | None:
        """财政撬动比: 直接带动额 ÷ government part redeemed, both net."""
        return ratio(self.order_net_fen, self.government_net_fen)

    @property
    def leverage_all(self) -> Fraction | None:
        """综合撬动比: 直接带动额 ÷ all parts redeemed, both net."""
        return ratio(self.order_net_fen, self.subsidy_net_fen)

    @property
    def leverage_issued(self) -> Fraction | None:
        """按发券额撬动比: 直接带动额 ÷ face issued."""
        return ratio(self.order_net_fen, self.claimed_fen)


def campaign_metrics(
    *, campaign_id: UUID, until: datetime, since: datetime = BEGINNING
) -> CampaignMetrics:
    """Return the figures of ``[since, until)``; six statements, none in a request path."""
    parameters = _parameters(campaign_id, since, until)
    flows = _one(queries.FLOWS, parameters)
    released = _one(queries.RELEASED, parameters)
    claimed = _one(queries.CLAIMED, parameters)
    expired = _one(queries.EXPIRED, parameters)
    reach = _one(queries.REACH, parameters)
    shares = tuple(FunderShare(*row) for row in _all(queries.FUNDERS, parameters))
    values: tuple[Any, ...] = (*released, *claimed, *flows, *expired, *reach, shares)
    return CampaignMetrics(*values)


def campaign_breakdown(
    *, campaign_id: UUID, dimension: str, until: datetime, since: datetime = BEGINNING
) -> list[Breakdown]:
    """Return one row per tier (batch), industry, city or acquirer, largest 直接带动额 first.

    Raises:
        KeyError: another dimension.
    """
    rows = [
        Breakdown(*row)
        for row in _all(queries.BREAKDOWNS[dimension], _parameters(campaign_id, since, until))
    ]
    if dimension != "industry":
        return rows
    names = dict(Merchant.Industry.choices)
    return [
        Breakdown(
            row.key,
            str(names.get(row.key, row.key)),
            row.payments,
            row.vouchers,
            row.order_net_fen,
            row.subsidy_net_fen,
        )
        for row in rows
    ]


def store_regions(
    *, campaign_id: UUID, until: datetime, since: datetime = BEGINNING
) -> dict[str, AtStores]:
    """Return what the stores of each county took in ``[since, until)``, by region code."""
    rows = _all(queries.AT_STORES, _parameters(campaign_id, since, until))
    return {region: AtStores(*figures) for region, *figures in rows}


def funding_progress(*, campaign_id: UUID) -> list[FundingProgress]:
    """Return where each funder's money is now."""
    return [FundingProgress(*row) for row in _all(queries.FUNDING, {"campaign": campaign_id})]


def settlement_identity(*, campaign_id: UUID) -> SettlementIdentity:
    """Return what was settled against what was redeemed, cash funders only."""
    return SettlementIdentity(*_one(queries.IDENTITY, {"campaign": campaign_id}))


def ratio(numerator: int, denominator: int) -> Fraction | None:
    """Return an exact quotient, None for a denominator of zero."""
    return Fraction(numerator, denominator) if denominator else None


def leverage_warning(value: Fraction | None, *, kind: str = "voucher") -> bool:
    """Tell whether a leverage lies outside the band of its kind of campaign."""
    low, high = LEVERAGE_BANDS[kind]
    return value is not None and not low <= value <= high


def campaign_ids() -> list[UUID]:
    """Return every campaign that may have figures, oldest first."""
    return list(Campaign.objects.order_by("starts_at", "pk").values_list("pk", flat=True))


def _parameters(campaign_id: UUID, since: datetime, until: datetime) -> dict[str, Any]:
    return {"campaign": campaign_id, "since": since, "until": until}


def _one(sql: str, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
    return _all(sql, parameters)[0]


def _all(sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
