"""Reads of the campaigns room: what a client may see of campaigns."""

from datetime import datetime
from typing import Final

from django.db.models import Case, Exists, IntegerField, OuterRef, QuerySet, Value, When

from campaigns.models import Campaign, CampaignState, Funder, Funding
from core.access.scope import covers_condition

GOVERNMENT_LEVELS: Final = (
    Funder.Level.CENTRAL,
    Funder.Level.PROVINCE,
    Funder.Level.CITY,
    Funder.Level.COUNTY,
)
LISTED_STATES: Final = (CampaignState.LIVE, CampaignState.PAUSED)
PUBLIC_STATES: Final = (
    *LISTED_STATES,
    CampaignState.ENDED,
    CampaignState.CLEARING,
    CampaignState.AUDITED,
    CampaignState.CLOSED,
)
"""Once public, a campaign stays readable: wallets hold vouchers of it."""


def funded_rank(campaign: str = "pk") -> Case:
    """Return the expression that is 0 for campaigns with government money and 1 for the others.

    ``campaign`` is where the row keeps its campaign. Government vouchers come first (api.md).
    """
    government = Funding.objects.filter(
        campaign=OuterRef(campaign), funder__level__in=GOVERNMENT_LEVELS
    )
    return Case(
        When(Exists(government), then=Value(0)), default=Value(1), output_field=IntegerField()
    )


def campaigns_public(region: str) -> QuerySet[Campaign]:
    """Return the public campaigns a client of ``region`` may know of, with ``funded_rank``.

    A client knows campaigns that cover its region, lie above it or inside it.
    """
    return Campaign.objects.filter(
        covers_condition(region, "regions"), state__in=PUBLIC_STATES, version__isnull=False
    ).annotate(funded_rank=funded_rank())


def campaigns_listed(region: str, *, now: datetime) -> QuerySet[Campaign]:
    """Return those of `campaigns_public` that run at ``now`` or are yet to start."""
    return campaigns_public(region).filter(state__in=LISTED_STATES, ends_at__gt=now)
