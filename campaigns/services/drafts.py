"""Drafting: the document is the draft; every change of it leaves an audit event."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from campaigns.definition.changes import assert_change_allowed
from campaigns.definition.document import Definition, definition_build
from campaigns.errors import DefinitionInvalidError, DraftChangedError
from campaigns.models import Campaign, CampaignState
from campaigns.services.recording import campaign_audit_record
from campaigns.states import CAMPAIGN_STATES
from core.access.models import Organisation, User
from core.access.roles import assert_may
from core.approvals.errors import PendingExistsError
from core.approvals.models import Approval, ApprovalState
from core.canonical import canonical_hash
from core.errors import DomainError
from core.transactions import retry_conflicts, transaction_joined

VERSION_KIND = "campaign.version"
SUBJECT_TYPE = "campaigns.campaign"
DRAFTABLE = (
    CampaignState.DRAFT,
    CampaignState.APPROVED,
    CampaignState.LIVE,
    CampaignState.PAUSED,
)


@retry_conflicts
def campaign_draft_save(
    *, document: Mapping[str, Any], actor: User | None, now: datetime, opened: str | None = None
) -> Campaign:
    """Make or change the draft of the campaign the document names, and return the campaign.

    A campaign that already has an approved version keeps it in force: the draft is then that of
    its next version. The same document again changes nothing. ``actor`` None is the operator at
    the console. ``opened`` is `draft_hash` of the draft that was changed, "" if there was none:
    what somebody else saved since is not undone. None replaces whatever there is.

    Raises:
        DefinitionInvalidError: names every wrong path; a new campaign has the code of another.
        DraftChangedError: the draft is not the one that was opened.
        PendingExistsError: a version waits for approval.
        StateConflictError: the campaign is over.
        DomainError: ``access.permission_denied``.
    """
    definition = definition_build(document)
    spec = definition.spec
    with transaction_joined():
        campaign = Campaign.objects.select_for_update(no_key=True).filter(code=spec.code).first()
        if actor is not None:
            verb = "change" if campaign else "add"
            assert_may(actor, f"campaigns.{verb}_campaign", spec.owner_region)
        if campaign is None:
            campaign = _create(definition, now)
            campaign_audit_record(
                campaign, "campaign.draft", actor=actor, now=now, data=_hashes({}, campaign.draft)
            )
            return campaign
        _assert_draftable(campaign)
        content, old = definition.document(), campaign.draft
        if content == old:
            return campaign
        _assert_as_opened(campaign, opened)
        assert_change_allowed(definition, campaign, now)
        campaign.draft = content
        if campaign.state == CampaignState.DRAFT:
            campaign_columns_set(campaign, definition)
        campaign.save()
        campaign_audit_record(
            campaign, "campaign.draft", actor=actor, now=now, data=_hashes(old, content)
        )
    return campaign


def draft_hash(draft: Mapping[str, Any]) -> str:
    """Return what tells one draft from another; "" where there is none yet."""
    return canonical_hash(draft) if draft else ""


def draft_waits(campaign: Campaign) -> bool:
    """Tell whether the draft waits for approval, as the first version or as the next."""
    pending = Approval.objects.filter(
        kind=VERSION_KIND,
        subject_type=SUBJECT_TYPE,
        subject_id=str(campaign.pk),
        state=ApprovalState.PENDING,
    )
    return campaign.state == CampaignState.SUBMITTED or pending.exists()


def campaign_columns_set(campaign: Campaign, definition: Definition) -> None:
    """Copy to the row what lists and hot services read from columns."""
    spec = definition.spec
    organisation = Organisation.objects.filter(code=spec.organisation).first()
    campaign.title, campaign.organisation = spec.title, organisation
    campaign.regions = list(spec.regions)
    campaign.starts_at, campaign.ends_at = spec.starts_at, spec.ends_at
    campaign.settlement_path = spec.settlement_path


def _create(definition: Definition, now: datetime) -> Campaign:
    spec = definition.spec
    campaign = Campaign(
        code=spec.code,
        owner_region=spec.owner_region,
        draft=definition.document(),
        created_at=now,
    )
    assert_change_allowed(definition, campaign, now)
    campaign_columns_set(campaign, definition)
    campaign.save(force_insert=True)
    return campaign


def _assert_draftable(campaign: Campaign) -> None:
    if draft_waits(campaign):
        raise PendingExistsError
    if campaign.state not in DRAFTABLE:
        raise CAMPAIGN_STATES.conflict(campaign.state, CampaignState.DRAFT)


def _assert_as_opened(campaign: Campaign, opened: str | None) -> None:
    if opened == "":
        raise DefinitionInvalidError.one("code", _("已有使用此代码的活动"))
    if opened is not None and opened != draft_hash(campaign.draft):
        raise DraftChangedError


def _hashes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    return {"old_hash": draft_hash(old), "new_hash": draft_hash(new)}


def draft_code_assert(document: Mapping[str, Any], code: str) -> None:
    """Check that a document belongs to the campaign on whose page it was uploaded.

    Raises:
        DefinitionInvalidError: it names another campaign.
    """
    if document.get("code") != code:
        raise DefinitionInvalidError.one("code", _("应为 %(code)s") % {"code": code})


def campaign_get(code: str) -> Campaign:
    """Return the campaign with this code.

    Raises:
        DomainError: ``access.not_found``.
    """
    campaign = Campaign.objects.filter(code=code).first()
    if campaign is None:
        raise DomainError("access.not_found")
    return campaign
