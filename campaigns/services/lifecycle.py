"""Going live, pausing, stopping, restarting, ending (domain-rules §2, Life cycle)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from campaigns.errors import CampaignNotReadyError
from campaigns.locks import campaign_lock
from campaigns.models import Campaign, CampaignState
from campaigns.services.descriptions import restart_words
from campaigns.services.readiness import readiness_problems, version_is_as_approved
from campaigns.services.recording import campaign_state_change, reason_required
from campaigns.states import CAMPAIGN_STATES, RUNNING
from core.access.models import User
from core.access.roles import assert_may
from core.approvals.errors import ConfigurationChangedError
from core.approvals.models import Approval
from core.approvals.registry import ApprovalKind
from core.approvals.services import approval_request
from core.transactions import retry_conflicts, transaction, transaction_joined

RESTART_KIND = "campaign.restart"
SUBJECT_TYPE = "campaigns.campaign"


@retry_conflicts
def campaign_go_live(*, campaign_id: UUID, actor: User, now: datetime) -> Campaign:
    """Take an approved campaign live, with exactly the version that was approved.

    Raises:
        StateConflictError: it is not approved.
        ConfigurationChangedError: the version's document is not what its approval bound.
        CampaignNotReadyError: the list or its terminals are not ready; each is listed.
    """
    with transaction_joined():
        campaign = campaign_lock(campaign_id)
        assert_may(actor, "campaigns.launch_campaign", campaign.owner_region)
        if campaign.state == CampaignState.LIVE:
            return campaign
        version = campaign.version
        if campaign.state != CampaignState.APPROVED or version is None:
            raise CAMPAIGN_STATES.conflict(campaign.state, CampaignState.LIVE)
        if not version_is_as_approved(version):
            raise ConfigurationChangedError
        problems = readiness_problems(campaign)
        if problems:
            raise CampaignNotReadyError.listed(problems)
        campaign_state_change(
            campaign,
            CampaignState.LIVE,
            action="campaign.go_live",
            actor=actor,
            now=now,
            redemptions_on=True,
            data={"version": version.number, "config_hash": version.config_hash},
        )
    return campaign


@retry_conflicts
def campaign_pause(*, campaign_id: UUID, reason: str, actor: User, now: datetime) -> Campaign:
    """Stop claims and releases; vouchers in hand can still be redeemed. One person and a reason.

    Raises:
        StateConflictError, ReasonRequiredError.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    return _halt(campaign_id, "pause", reason, actor, now)


@retry_conflicts
def campaign_stop(*, campaign_id: UUID, reason: str, actor: User, now: datetime) -> Campaign:
    """Stop claims and redemptions at once. One person and a reason.

    Raises:
        StateConflictError, ReasonRequiredError.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    return _halt(campaign_id, "stop", reason, actor, now)


@retry_conflicts
def campaign_restart_request(
    *, campaign_id: UUID, reason: str, actor: User, now: datetime
) -> Approval:
    """Ask to run a paused or stopped campaign again; a second person agrees (domain-rules §2).

    Raises:
        StateConflictError: it is not paused.
        PendingExistsError, ReasonRequiredError.
    """
    text = reason_required(reason)
    with transaction_joined():
        campaign = campaign_lock(campaign_id)
        if campaign.state != CampaignState.PAUSED:
            raise CAMPAIGN_STATES.conflict(campaign.state, CampaignState.LIVE)
        return approval_request(
            kind=RESTART_KIND,
            subject_type=SUBJECT_TYPE,
            subject_id=campaign.pk,
            title=_("恢复活动：%(title)s") % {"title": campaign.title},
            maker=actor,
            owner_region=campaign.owner_region,
            now=now,
            payload={"code": campaign.code},
            reason=text,
        )


def restart_snapshot(subject_id: str, _payload: Mapping[str, Any]) -> object:
    """Return what a restart is about: the switches as they were when it was asked for."""
    campaign = Campaign.objects.get(pk=subject_id)
    return {
        "state": campaign.state,
        "redemptions_on": campaign.redemptions_on,
        "version": str(campaign.version_id),
    }


def restart_approved(approval: Approval, now: datetime) -> None:
    """Run a campaign again: claims and redemptions on."""
    campaign_state_change(
        campaign_lock(UUID(approval.subject_id)),
        CampaignState.LIVE,
        action="campaign.restart",
        actor=approval.maker,
        now=now,
        reason=approval.reason,
        redemptions_on=True,
        data={"approval": approval.pk},
    )


RESTART_APPROVAL = ApprovalKind(
    kind=RESTART_KIND,
    title="恢复活动",
    snapshot=restart_snapshot,
    on_approved=restart_approved,
    maker_action="campaigns.restart_campaign",
    checker_action="campaigns.approve_restart",
    director_action="campaigns.sign_restart",
    has_amount=False,
    describe=restart_words,
)


@retry_conflicts
def campaign_end(*, campaign_id: UUID, reason: str, actor: User, now: datetime) -> Campaign:
    """End a campaign before its time: no more releases or claims; vouchers run to their end.

    Raises:
        StateConflictError, ReasonRequiredError.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    text = reason_required(reason)
    with transaction_joined():
        campaign = campaign_lock(campaign_id)
        assert_may(actor, "campaigns.end_campaign", campaign.owner_region)
        campaign_state_change(
            campaign,
            CampaignState.ENDED,
            action="campaign.end",
            actor=actor,
            now=now,
            reason=text,
        )
    return campaign


def campaigns_end_due(*, now: datetime) -> list[str]:
    """End every running campaign whose period is over; returns their codes. Safe to run twice."""
    due = Campaign.objects.filter(state__in=RUNNING, ends_at__lte=now).order_by("pk")
    ended = [_end_due(campaign_id, now) for campaign_id in due.values_list("pk", flat=True)]
    return [code for code in ended if code]


@retry_conflicts
def _end_due(campaign_id: UUID, now: datetime) -> str:
    with transaction():
        campaign = campaign_lock(campaign_id)
        if campaign.state not in RUNNING or campaign.ends_at > now:
            return ""
        campaign_state_change(
            campaign, CampaignState.ENDED, action="campaign.end", actor=None, now=now
        )
        return campaign.code


def _halt(campaign_id: UUID, verb: str, reason: str, actor: User, now: datetime) -> Campaign:
    text = reason_required(reason)
    with transaction_joined():
        campaign = campaign_lock(campaign_id)
        assert_may(actor, f"campaigns.{verb}_campaign", campaign.owner_region)
        if campaign.state not in RUNNING:
            raise CAMPAIGN_STATES.conflict(campaign.state, CampaignState.PAUSED)
        campaign_state_change(
            campaign,
            CampaignState.PAUSED,
            action=f"campaign.{verb}",
            actor=actor,
            now=now,
            reason=text,
            redemptions_on=False if verb == "stop" else None,
        )
    return campaign
