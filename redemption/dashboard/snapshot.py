"""Figures that need the facts, taken every few minutes by a scheduled job.

Nothing in a request path sums over a growing table (architecture.md, Truth and speed): the first
page reads the last tick's result instead, and says when it was taken.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from campaigns.models import Campaign, CampaignState
from core.jobs.schedules import TickJob
from core.jobs.selectors import tick_last_done
from redemption.settlement.metrics import AtStores, campaign_metrics, store_regions

JOB = "redemption.dashboard"
AT_STORES = "at_stores"
"""The entry of a tick's result beside those of the campaigns: per campaign and county of stores."""
STARTED = (
    CampaignState.LIVE,
    CampaignState.PAUSED,
    CampaignState.ENDED,
    CampaignState.CLEARING,
    CampaignState.AUDITED,
    CampaignState.CLOSED,
)


@dataclass(frozen=True, slots=True)
class Redeemed:
    """Redeemed vouchers and payments of a campaign, as docs/metrics.md defines them; fen.

    ``order_net_fen`` is 直接带动额, ``redeemed_fen`` the subsidy of payments in force, of which
    ``refunded_fen`` was refunded since; the ``net`` amounts are without it.
    """

    units: int = 0
    payments: int = 0
    redeemed_fen: int = 0
    refunded_fen: int = 0
    order_net_fen: int = 0
    subsidy_net_fen: int = 0
    government_net_fen: int = 0

    def plus(self, other: "Redeemed") -> "Redeemed":
        """Add two campaigns."""
        names = [one.name for one in fields(self)]
        return Redeemed(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The figures of every campaign as of a business time, also by the county of the store."""

    at: datetime
    campaigns: Mapping[UUID, Redeemed]
    at_stores: Mapping[UUID, Mapping[str, AtStores]] = field(default_factory=dict)


def redeemed_of(*, campaign_id: UUID, until: datetime) -> Redeemed:
    """Return the figures of one campaign before ``until``."""
    metrics = campaign_metrics(campaign_id=campaign_id, until=until)
    return Redeemed(
        units=metrics.redeemed_units,
        payments=metrics.payments - metrics.cancels,
        redeemed_fen=metrics.redeemed_fen,
        refunded_fen=metrics.refunded_fen,
        order_net_fen=metrics.order_net_fen,
        subsidy_net_fen=metrics.subsidy_net_fen,
        government_net_fen=metrics.government_net_fen,
    )


def snapshot_take(tick_at: datetime) -> Mapping[str, Any]:
    """Return the figures of every campaign that has started, by its id, and by its stores."""
    started = Campaign.objects.filter(state__in=STARTED).order_by("pk")
    keys = list(started.values_list("pk", flat=True))
    found: dict[str, Any] = {
        str(key): asdict(redeemed_of(campaign_id=key, until=tick_at)) for key in keys
    }
    found[AT_STORES] = {
        str(key): {
            region: asdict(figures)
            for region, figures in store_regions(campaign_id=key, until=tick_at).items()
        }
        for key in keys
    }
    return found


SNAPSHOT_JOB = TickJob(
    name=JOB,
    work=snapshot_take,
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
    campaigns = {UUID(key): Redeemed(**row) for key, row in detail.items() if key != AT_STORES}
    at_stores = {
        UUID(key): {region: AtStores(**row) for region, row in regions.items()}
        for key, regions in detail.get(AT_STORES, {}).items()
    }
    return Snapshot(at, campaigns, at_stores)
