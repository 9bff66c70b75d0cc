"""Campaigns taken live through the services, by the people who may, from a document."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from campaigns.definition.document import definition_build
from campaigns.models import Campaign, Version
from campaigns.services.drafts import campaign_columns_set, campaign_draft_save
from campaigns.services.lifecycle import campaign_go_live
from campaigns.services.versions import campaign_submit
from campaigns.services.whitelists import whitelist_build, whitelist_submit
from core.access.models import Role
from core.clock import TIME_ZONE
from core.models import Account
from merchants.models import Store
from tests.factories.approvals import approve
from tests.factories.campaigns import approval_make
from tests.factories.definitions import document_make
from tests.factories.merchants import store_make, terminal_make
from tests.factories.staff import staff_make

BEFORE = datetime(2026, 3, 1, 10, tzinfo=TIME_ZONE)
"""Before the first wave of `document_make`, 2026-03-06 08:00."""


def campaign_approved(
    document: Mapping[str, Any] | None = None, *, now: datetime = BEFORE
) -> Campaign:
    """Return the campaign of a document, drafted, submitted and approved."""
    document = document or document_make()
    maker = staff_make(Role.CAMPAIGN_MAKER, region=document["owner_region"])
    campaign = campaign_draft_save(document=document, actor=maker, now=now)
    approve(campaign_submit(campaign_id=campaign.pk, actor=maker, now=now), now=now)
    campaign.refresh_from_db()
    return campaign


def campaign_published(document: Mapping[str, Any], *, now: datetime = BEFORE) -> Campaign:
    """Return a live campaign with this document as its version, by rows alone.

    For pages that say what a version says, also of programmes that the platform cannot run yet;
    it has no batches, no money and no list.
    """
    definition = definition_build(document)
    spec, content = definition.spec, definition.document()
    campaign = Campaign(
        code=spec.code, owner_region=spec.owner_region, draft=content, created_at=now
    )
    campaign_columns_set(campaign, definition)
    campaign.save(force_insert=True)
    approval = approval_make(
        content=content, subject_id=campaign.pk, region=spec.owner_region, now=now
    )
    campaign.version = Version.objects.create(
        campaign=campaign,
        number=1,
        document=content,
        config_hash=approval.config_hash,
        approval=approval,
        frozen_at=now,
    )
    for state in ("SUBMITTED", "APPROVED", "LIVE"):
        campaign.state = state
        campaign.save()
    return campaign


def whitelist_in_force(
    campaign: Campaign, stores: Sequence[Store], *, now: datetime = BEFORE
) -> None:
    """Put a list with these stores in force."""
    person = staff_make(Role.LIST_MAKER, region=campaign.owner_region)
    whitelist = whitelist_build(
        campaign_id=campaign.pk,
        store_nos=[store.store_no for store in stores],
        actor=person,
        now=now,
    )
    approve(whitelist_submit(whitelist_id=whitelist.pk, actor=person, now=now), now=now)


def campaign_running(
    document: Mapping[str, Any] | None = None, *, now: datetime = BEFORE
) -> Campaign:
    """Return the campaign of a document, live, with one store on its list; no wave is open."""
    campaign = campaign_approved(document, now=now)
    store = store_make()
    terminal_make(store)
    whitelist_in_force(campaign, [store], now=now)
    campaign_go_live(campaign_id=campaign.pk, actor=staff_make(Role.CAMPAIGN_MAKER), now=now)
    campaign.refresh_from_db()
    return campaign


def balances(campaign: Campaign) -> dict[str, int]:
    """Return the books of a campaign: account kind → fen over all funders, zero ones left out."""
    totals: dict[str, int] = {}
    for kind, fen in balance_rows(campaign):
        totals[kind] = totals.get(kind, 0) + fen
    return totals


def balance_rows(campaign: Campaign) -> list[tuple[str, int]]:
    """Return (kind, fen) of every account of a campaign that is not zero."""
    rows = Account.objects.filter(campaign_id=campaign.pk, balance_fen__gt=0)
    return list(rows.values_list("kind", "balance_fen"))
