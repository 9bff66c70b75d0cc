"""Submitting a draft and putting the approved version into force (architecture.md, Configure)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from campaigns.definition.changes import assert_ahead, assert_change_allowed
from campaigns.definition.document import (
    Definition,
    definition_build,
    definition_stored,
    documents_equal,
)
from campaigns.definition.registry import sections
from campaigns.definition.words import DOCUMENT_KINDS
from campaigns.errors import DefinitionInvalidError, DraftUnchangedError
from campaigns.events import CAMPAIGN_VERSION_IN_FORCE
from campaigns.locks import campaign_lock
from campaigns.models import Campaign, CampaignState, Funder, Funding, Version
from campaigns.services.descriptions import version_fields, version_words
from campaigns.services.drafts import (
    DRAFTABLE,
    SUBJECT_TYPE,
    VERSION_KIND,
    campaign_columns_set,
)
from campaigns.services.money import version_money_post
from campaigns.services.recording import campaign_state_change
from campaigns.states import CAMPAIGN_STATES
from core.access.models import Organisation, User
from core.approvals.models import Approval
from core.approvals.registry import ApprovalKind
from core.approvals.services import approval_request
from core.canonical import canonical_hash
from core.outbox.services import Event, outbox_publish
from core.transactions import retry_conflicts, transaction_joined

REQUIRED_DOCUMENTS = ("PLAN_APPROVAL", "FAIR_COMPETITION", "LEGAL_REVIEW", "FUNDING")
"""What every submission carries as number, date and file hash (domain-rules §2)."""

BEFORE_LIVE = frozenset({CampaignState.DRAFT, CampaignState.SUBMITTED, CampaignState.APPROVED})
DIRECTOR = 2
"""The level at which the director signs (core/approvals)."""


@retry_conflicts
def campaign_submit(*, campaign_id: UUID, actor: User, now: datetime, reason: str = "") -> Approval:
    """Submit the draft for approval; what is approved is exactly this document.

    The amount that decides how many levels sign is the money it moves: all of it for the first
    version, the differences for a later one. Some rules need the director whatever the amount
    (`Section.signed`).

    Raises:
        DefinitionInvalidError: a document is missing, or the draft no longer fits.
        DraftUnchangedError: it is the version in force.
        StateConflictError: the campaign is over, or submitted already.
        PendingExistsError: a version waits already.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    with transaction_joined():
        campaign = campaign_lock(campaign_id)
        if campaign.state not in DRAFTABLE:
            raise CAMPAIGN_STATES.conflict(campaign.state, CampaignState.SUBMITTED)
        if campaign.version is not None and documents_equal(
            campaign.version.document, campaign.draft
        ):
            raise DraftUnchangedError
        definition = definition_build(campaign.draft)
        _assert_documents(definition)
        assert_change_allowed(definition, campaign, now)
        assert_ahead(definition, campaign, now)
        _assert_carried_out(definition, campaign)
        number = campaign.versions.count() + 1
        approval = approval_request(
            kind=VERSION_KIND,
            subject_type=SUBJECT_TYPE,
            subject_id=campaign.pk,
            title=_("%(title)s 方案第 %(number)s 版") % {"title": campaign.title, "number": number},
            maker=actor,
            owner_region=campaign.owner_region,
            now=now,
            amount_fen=_moved_fen(definition, campaign),
            min_depth=DIRECTOR if definition.signed() else 1,
            payload={
                "code": campaign.code,
                "number": number,
                "document_hash": canonical_hash(campaign.draft),
            },
            reason=reason,
        )
        if campaign.state == CampaignState.DRAFT:
            campaign_state_change(
                campaign,
                CampaignState.SUBMITTED,
                action="campaign.submit",
                actor=actor,
                now=now,
                reason=reason,
            )
    return approval


def version_snapshot(subject_id: str, _payload: Mapping[str, Any]) -> object:
    """Return the document that an approval of a version is about."""
    return Campaign.objects.values_list("draft", flat=True).get(pk=subject_id)


def version_approved(approval: Approval, now: datetime) -> None:
    """Freeze the approved document as a version and write everything it says."""
    campaign = campaign_lock(UUID(approval.subject_id))
    definition = definition_build(campaign.draft)
    assert_change_allowed(definition, campaign, now)
    assert_ahead(definition, campaign, now)
    _assert_carried_out(definition, campaign)
    previous = definition_stored(campaign.version.document) if campaign.version else None
    version = Version.objects.create(
        campaign=campaign,
        number=approval.payload["number"],
        document=campaign.draft,
        config_hash=approval.config_hash,
        approval=approval,
        frozen_at=now,
    )
    campaign.version = version
    campaign_columns_set(campaign, definition)
    campaign.save()
    funder_ids, quotas = _fundings_write(campaign, definition)
    units: dict[str, UUID] = {}
    for section in sections():
        value = definition.values[section.name]
        units |= section.apply(definition.spec, value, version, funder_ids, now)
    if campaign.state == CampaignState.SUBMITTED:
        campaign_state_change(
            campaign,
            CampaignState.APPROVED,
            action="campaign.approve",
            actor=None,
            now=now,
            data={"version": version.number, "config_hash": version.config_hash},
        )
    outbox_publish(events=[_event(version, now)])
    version_money_post(
        version=version,
        quotas=quotas,
        before=_allocations(previous, units, funder_ids),
        after=_allocations(definition, units, funder_ids),
        now=now,
    )


def version_closed(approval: Approval, now: datetime) -> None:
    """Give a rejected or withdrawn first version back to its maker as a draft."""
    campaign = campaign_lock(UUID(approval.subject_id))
    if campaign.state == CampaignState.SUBMITTED:
        campaign_state_change(
            campaign, CampaignState.DRAFT, action="campaign.return", actor=None, now=now
        )


VERSION_APPROVAL = ApprovalKind(
    kind=VERSION_KIND,
    title="活动方案",
    snapshot=version_snapshot,
    on_approved=version_approved,
    on_closed=version_closed,
    maker_action="campaigns.submit_campaign",
    checker_action="campaigns.approve_campaign",
    director_action="campaigns.sign_campaign",
    describe=version_words,
    fields=version_fields,
)


def _assert_carried_out(definition: Definition, campaign: Campaign) -> None:
    """Refuse for a campaign that is live what it could not have gone live with."""
    problems = definition.not_ready() if campaign.state not in BEFORE_LIVE else []
    if problems:
        raise DefinitionInvalidError.listed((one.path, one.reason) for one in problems)


def _assert_documents(definition: Definition) -> None:
    given = {document.kind for document in definition.spec.documents}
    missing = [kind for kind in REQUIRED_DOCUMENTS if kind not in given]
    if missing:
        raise DefinitionInvalidError.listed(
            ("documents", _("缺少报批材料：%(kind)s") % {"kind": DOCUMENT_KINDS[kind]})
            for kind in missing
        )


def _moved_fen(definition: Definition, campaign: Campaign) -> int:
    before = dict(campaign.fundings.values_list("funder__code", "quota_fen"))
    return sum(
        abs(funder.quota_fen - before.get(funder.code, 0)) for funder in definition.spec.funders
    )


def _fundings_write(
    campaign: Campaign, definition: Definition
) -> tuple[dict[str, UUID], dict[UUID, tuple[str, int, int]]]:
    """Write funders and fundings; returns code → funder id and the quotas before and after."""
    ids: dict[str, UUID] = {}
    quotas: dict[UUID, tuple[str, int, int]] = {}
    for position, spec in enumerate(definition.spec.funders):
        organisation = Organisation.objects.filter(code=spec.organisation).first()
        funder, _created = Funder.objects.get_or_create(
            code=spec.code,
            defaults={"name": spec.name, "level": spec.level, "organisation": organisation},
        )
        before = campaign.fundings.filter(funder=funder).values_list("quota_fen", flat=True).first()
        Funding.objects.update_or_create(
            campaign=campaign,
            funder=funder,
            defaults={
                "mode": spec.mode,
                "quota_fen": spec.quota_fen,
                "document": {
                    "number": spec.document.number,
                    "year": spec.document.year,
                    "project_code": spec.document.project_code,
                },
                "position": position,
            },
        )
        ids[spec.code] = funder.pk
        quotas[funder.pk] = (spec.mode, before or 0, spec.quota_fen)
    return ids, quotas


def _allocations(
    definition: Definition | None, units: Mapping[str, UUID], funder_ids: Mapping[str, UUID]
) -> dict[tuple[UUID, UUID], int]:
    if definition is None:
        return {}
    return {
        (units[unit.code], funder_ids[code]): fen
        for unit in definition.budgets()
        for code, fen in unit.budget.items()
    }


def _event(version: Version, now: datetime) -> Event:
    return Event(
        topic=CAMPAIGN_VERSION_IN_FORCE,
        aggregate_type="campaign",
        aggregate_id=version.campaign_id,
        at=now,
        payload={
            "code": version.campaign.code,
            "number": version.number,
            "config_hash": version.config_hash,
        },
    )
