"""When the rules run: once per hour of business time, over every campaign with redemptions."""

from datetime import datetime, timedelta

from campaigns.models import Campaign, CampaignState
from core.jobs.schedules import TickJob
from core.screening.services import rules_run

SCREENED = (
    CampaignState.LIVE,
    CampaignState.PAUSED,
    CampaignState.ENDED,
    CampaignState.CLEARING,
)


def screening_run(tick_at: datetime) -> None:
    """Run every rule over its window that ends at the tick; running it again adds nothing."""
    campaigns = Campaign.objects.filter(state__in=SCREENED).order_by("pk")
    rules_run(campaign_ids=list(campaigns.values_list("pk", flat=True)), now=tick_at)


SCREENING_JOB = TickJob(
    "redemption.screening", screening_run, queue="screening", every=timedelta(hours=1)
)
