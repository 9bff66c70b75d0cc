"""Figures that need the facts, taken every few minutes by a scheduled job.

Nothing in a request path sums over a growing table (architecture.md, Truth and speed): the first
page reads the last tick's result instead, and says when it was taken.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connections

from campaigns.models import Funder
from core.jobs.schedules import TickJob
from core.jobs.selectors import tick_last_done

JOB = "redemption.dashboard"
GOVERNMENT = (
    Funder.Level.CENTRAL,
    Funder.Level.PROVINCE,
    Funder.Level.CITY,
    Funder.Level.COUNTY,
)

# Payments in force: confirmed and not cancelled. Order amounts are net of refunds (直接带动额,
# domain-rules §11), subsidies and units as they were redeemed.
_SQL = """
WITH paid AS (
    SELECT id, campaign_id, order_fen - refunded_order_fen AS order_fen, subsidy_fen,
        refunded_subsidy_fen
    FROM redemption_redemption WHERE state = 'CONFIRMED'
), sums AS (
    SELECT campaign_id, count(*) AS payments, sum(order_fen) AS order_fen,
        sum(subsidy_fen) AS subsidy_fen, sum(refunded_subsidy_fen) AS refunded_fen
    FROM paid GROUP BY campaign_id
), units AS (
    SELECT p.campaign_id, count(*) AS units FROM paid p
    JOIN redemption_redemptionline l ON l.redemption_id = p.id GROUP BY p.campaign_id
), public AS (
    SELECT p.campaign_id, sum(part.fen) AS fen FROM paid p
    JOIN redemption_redemptionstep s ON s.redemption_id = p.id AND s.kind = 'CONFIRM'
    CROSS JOIN LATERAL unnest(s.funder_ids, s.parts) AS part (funder_id, fen)
    JOIN campaigns_funder f ON f.id = part.funder_id AND f.level = ANY(%s)
    GROUP BY p.campaign_id
)
SELECT sums.campaign_id, units.units, payments, order_fen, subsidy_fen, refunded_fen,
    coalesce(public.fen, 0)
FROM sums JOIN units USING (campaign_id) LEFT JOIN public USING (campaign_id)
ORDER BY sums.campaign_id"""


@dataclass(frozen=True, slots=True)
class Redeemed:
    """Redeemed vouchers and payments of a campaign; amounts in fen.

    ``order_fen`` is net of refunds, ``subsidy_fen`` gross (all funders), ``public_fen`` the part
    of it that government funders gave, ``refunded_fen`` the subsidy refunded since.
    """

    units: int = 0
    payments: int = 0
    order_fen: int = 0
    subsidy_fen: int = 0
    refunded_fen: int = 0
    public_fen: int = 0

    def plus(self, other: "Redeemed") -> "Redeemed":
        """Add two campaigns."""
        names = [field.name for field in fields(self)]
        return Redeemed(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The figures of every campaign as of a business time."""

    at: datetime
    campaigns: Mapping[UUID, Redeemed]


def redeemed_by_campaign() -> dict[UUID, Redeemed]:
    """Count the facts of every campaign in one statement."""
    with connections["default"].cursor() as cursor:
        cursor.execute(_SQL, [[str(level.value) for level in GOVERNMENT]])
        return {row[0]: Redeemed(*(int(value) for value in row[1:])) for row in cursor.fetchall()}


def _take(_tick_at: datetime) -> Mapping[str, Any]:
    return {str(key): asdict(figures) for key, figures in redeemed_by_campaign().items()}


SNAPSHOT_JOB = TickJob(
    name=JOB,
    work=_take,
    queue="reports",
    every=timedelta(minutes=5),
    latest_only=True,
    poll_s=15,
)


def snapshot_last() -> Snapshot | None:
    """Return the last figures taken, or None before the first time."""
    last = tick_last_done(job=JOB)
    if last is None:
        return None
    at, detail = last
    return Snapshot(at, {UUID(key): Redeemed(**row) for key, row in detail.items()})
