"""What every change of a campaign leaves behind: an audit event, and an event for other rooms."""

from collections.abc import Mapping
from datetime import datetime

from campaigns.events import CAMPAIGN_STATE_CHANGED
from campaigns.models import Campaign, CampaignState
from campaigns.states import CAMPAIGN_STATES
from core.access.errors import ReasonRequiredError
from core.access.models import User
from core.audit.services import audit_record
from core.outbox.services import Event, outbox_publish


def campaign_audit_record(
    campaign: Campaign,
    action: str,
    *,
    actor: User | None,
    now: datetime,
    reason: str = "",
    data: Mapping[str, object] | None = None,
) -> None:
    """Record what ``actor`` (None: the system) did to a campaign, in the caller's transaction."""
    audit_record(
        action=action,
        subject_type="campaigns.campaign",
        subject_id=campaign.pk,
        now=now,
        actor=actor,
        owner_region=campaign.owner_region,
        reason=reason,
        data={"code": campaign.code, **(data or {})},
    )


def campaign_state_change(
    campaign: Campaign,
    target: CampaignState,
    *,
    action: str,
    actor: User | None,
    now: datetime,
    reason: str = "",
    redemptions_on: bool | None = None,
    data: Mapping[str, object] | None = None,
) -> None:
    """Move a locked campaign to ``target``, with audit and event; equal state changes nothing.

    Raises:
        StateConflictError: ``target`` cannot follow the present state.
    """
    switch = campaign.redemptions_on if redemptions_on is None else redemptions_on
    if campaign.state == target and campaign.redemptions_on == switch:
        return
    CAMPAIGN_STATES.assert_transition(campaign.state, target)
    old = {"state": campaign.state, "redemptions_on": campaign.redemptions_on}
    campaign.state, campaign.redemptions_on = target, switch
    campaign.save(update_fields=["state", "redemptions_on"])
    new = {"state": target, "redemptions_on": switch}
    campaign_audit_record(
        campaign,
        action,
        actor=actor,
        now=now,
        reason=reason,
        data={"old": old, "new": new, **(data or {})},
    )
    outbox_publish(
        events=[
            Event(
                topic=CAMPAIGN_STATE_CHANGED,
                aggregate_type="campaign",
                aggregate_id=campaign.pk,
                at=now,
                payload={"code": campaign.code, "old": old, "new": new},
            )
        ]
    )


def reason_required(reason: str) -> str:
    """Return the reason, trimmed.

    Raises:
        ReasonRequiredError: it is empty.
    """
    if not reason.strip():
        raise ReasonRequiredError
    return reason.strip()
