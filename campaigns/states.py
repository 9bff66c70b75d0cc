"""Transitions of campaigns and whitelists (architecture.md, States)."""

from campaigns.models import CAMPAIGN_TRANSITIONS, CampaignState
from core.states import state_table

CAMPAIGN_STATES = state_table("campaigns.Campaign", CAMPAIGN_TRANSITIONS)
WHITELIST_STATES = state_table(
    "campaigns.Whitelist",
    [
        ("DRAFT", "SUBMITTED"),
        ("SUBMITTED", "DRAFT"),
        ("SUBMITTED", "IN_FORCE"),
        ("IN_FORCE", "SUPERSEDED"),
    ],
)
RUNNING = (CampaignState.LIVE, CampaignState.PAUSED)
OVER = (
    CampaignState.ENDED,
    CampaignState.CLEARING,
    CampaignState.AUDITED,
    CampaignState.CLOSED,
)
