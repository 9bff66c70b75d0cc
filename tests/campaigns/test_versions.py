"""From a draft to a live campaign: what is approved is frozen, booked, and goes live."""

from datetime import datetime
from uuid import UUID

import pytest

from campaigns.definition.registry import sections
from campaigns.errors import (
    CampaignNotReadyError,
    DefinitionInvalidError,
    DraftUnchangedError,
)
from campaigns.models import Campaign, Version
from campaigns.services.drafts import campaign_draft_save
from campaigns.services.lifecycle import campaign_go_live
from campaigns.services.readiness import version_is_as_approved
from campaigns.services.versions import campaign_submit
from campaigns.services.whitelists import whitelist_build, whitelist_submit
from core.access.models import Role, User
from core.approvals.errors import ConfigurationChangedError, PendingExistsError
from core.approvals.registry import approval_kind
from core.approvals.services import approval_decide
from core.clock import TIME_ZONE
from core.models import Account, AuditEvent, Entry
from merchants.models import Store
from tests.factories.approvals import approve, reject
from tests.factories.definitions import document_make
from tests.factories.merchants import store_make, terminal_make
from tests.factories.staff import staff_make
from vouchers.models import Batch, BatchVersion, Limit, QuotaRelease

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 10, tzinfo=TIME_ZONE)


@pytest.fixture
def maker() -> User:
    return staff_make(Role.CAMPAIGN_MAKER)


def balances(campaign_id: UUID) -> dict[tuple[str, int], int]:
    """(kind, position of the funder) → fen."""
    campaign = Campaign.objects.get(pk=campaign_id)
    position = dict(campaign.fundings.values_list("funder_id", "position"))
    return {
        (account.kind, position[account.funder_id]): account.balance_fen
        for account in Account.objects.filter(campaign_id=campaign_id)
        if account.balance_fen
    }


def whitelist_in_force(campaign: Campaign, stores: list[Store]) -> None:
    person = staff_make(Role.LIST_MAKER)
    whitelist = whitelist_build(
        campaign_id=campaign.pk,
        store_nos=[store.store_no for store in stores],
        actor=person,
        now=NOW,
    )
    approve(whitelist_submit(whitelist_id=whitelist.pk, actor=person, now=NOW), now=NOW)


def test_an_approved_draft_becomes_version_rows_and_money(maker: User) -> None:
    campaign = campaign_draft_save(document=document_make(), actor=maker, now=NOW)
    assert campaign.state == "DRAFT"
    approval = campaign_submit(campaign_id=campaign.pk, actor=maker, now=NOW)
    assert approval.amount_fen == 300_000
    campaign.refresh_from_db()
    assert campaign.state == "SUBMITTED"
    approve(approval, now=NOW)

    campaign.refresh_from_db()
    version = Version.objects.get(campaign=campaign)
    assert (campaign.state, campaign.version) == ("APPROVED", version)
    assert version.document == campaign.draft
    assert version.config_hash == approval.config_hash
    assert version_is_as_approved(version)
    batch = Batch.objects.get(campaign=campaign)
    assert (batch.face_fen, batch.planned_units, batch.weights, batch.concessions) == (
        3_000,
        100,
        [200, 70, 30],
        [False, False, True],
    )
    assert batch.version == BatchVersion.objects.get(batch=batch, version=version)
    assert list(QuotaRelease.objects.order_by("slot").values_list("planned_units", "state")) == [
        (60, "PLANNED"),
        (40, "PLANNED"),
    ]
    assert list(Limit.objects.values_list("code", "side")) == [("per-day", "CLAIM")]
    assert balances(campaign.pk) == {
        ("FUNDER_RECEIVABLE", 0): 200_000,
        ("FUNDER_RECEIVABLE", 1): 70_000,
        ("CONCESSION", 2): 30_000,
        ("ALLOCATED", 0): 200_000,
        ("ALLOCATED", 1): 70_000,
        ("ALLOCATED", 2): 30_000,
    }
    assert set(AuditEvent.objects.values_list("action", flat=True)) >= {
        "campaign.draft",
        "campaign.submit",
        "approval.agree",
        "campaign.approve",
    }


def test_rows_read_back_are_the_approved_document(maker: User) -> None:
    campaign = campaign_draft_save(document=document_make(), actor=maker, now=NOW)
    approve(campaign_submit(campaign_id=campaign.pk, actor=maker, now=NOW), now=NOW)
    campaign.refresh_from_db()
    assert {section.name: section.export(campaign) for section in sections()} == {
        "batches": campaign.draft["batches"]
    }


def test_a_rejected_version_is_a_draft_again_and_nothing_is_booked(maker: User) -> None:
    campaign = campaign_draft_save(document=document_make(), actor=maker, now=NOW)
    reject(campaign_submit(campaign_id=campaign.pk, actor=maker, now=NOW), now=NOW)
    campaign.refresh_from_db()
    assert (campaign.state, campaign.version_id) == ("DRAFT", None)
    assert not Entry.objects.exists()
    assert not Batch.objects.exists()


def test_a_submitted_draft_cannot_be_changed(maker: User) -> None:
    campaign = campaign_draft_save(document=document_make(), actor=maker, now=NOW)
    campaign_submit(campaign_id=campaign.pk, actor=maker, now=NOW)
    before = Campaign.objects.get(pk=campaign.pk).draft
    with pytest.raises(PendingExistsError):
        campaign_draft_save(document=document_make(title="另一个"), actor=maker, now=NOW)
    assert Campaign.objects.get(pk=campaign.pk).draft == before


def test_an_approval_refuses_another_document(maker: User) -> None:
    campaign = campaign_draft_save(document=document_make(), actor=maker, now=NOW)
    approval = campaign_submit(campaign_id=campaign.pk, actor=maker, now=NOW)
    Campaign.objects.filter(pk=campaign.pk).update(
        draft={**campaign.draft, "title": "改动过的方案"}
    )
    with pytest.raises(ConfigurationChangedError):
        approve(approval, now=NOW)


def test_a_submission_needs_its_documents(maker: User) -> None:
    document = document_make()
    document["documents"] = document["documents"][:3]
    campaign = campaign_draft_save(document=document, actor=maker, now=NOW)
    with pytest.raises(DefinitionInvalidError) as refused:
        campaign_submit(campaign_id=campaign.pk, actor=maker, now=NOW)
    assert [(one.name, one.reason) for one in refused.value.invalid_params] == [
        ("documents", "缺少报批材料：资金文件")
    ]
    campaign.refresh_from_db()
    assert campaign.state == "DRAFT"


def test_the_director_signs_a_batch_whose_subsidy_no_refund_brings_back(maker: User) -> None:
    document = document_make()
    document["batches"][0]["rules"]["refund_policy"] = "CASH_ONLY"
    campaign = campaign_draft_save(document=document, actor=maker, now=NOW)
    approval = campaign_submit(campaign_id=campaign.pk, actor=maker, now=NOW)
    assert approval.depth == 2
    name = document["batches"][0]["name"]
    words = approval_kind(approval.kind).describe(approval.subject_id, approval.payload)
    assert words[0] == f"{name}：退款不追回补贴资金，须分管领导签批"
    approval_decide(
        approval_id=approval.pk, checker=staff_make(Role.CAMPAIGN_CHECKER), agree=True, now=NOW
    )
    assert not Version.objects.exists()
    approval_decide(approval_id=approval.pk, checker=staff_make(Role.DIRECTOR), agree=True, now=NOW)
    assert Version.objects.get().campaign == campaign


def test_what_the_platform_does_not_carry_out_yet_does_not_go_live(maker: User) -> None:
    document = document_make()
    document["batches"][0]["rules"]["issuing"] = "LOTTERY"
    campaign = campaign_draft_save(document=document, actor=maker, now=NOW)
    approve(campaign_submit(campaign_id=campaign.pk, actor=maker, now=NOW), now=NOW)
    with pytest.raises(CampaignNotReadyError) as refused:
        campaign_go_live(campaign_id=campaign.pk, actor=maker, now=NOW)
    name = document["batches"][0]["name"]
    assert [(one.name, one.reason) for one in refused.value.invalid_params] == [
        ("batches[0].rules.issuing", f"{name}：本平台尚未开通“摇号抽签”发放")
    ]


def test_going_live_needs_a_list_in_force_and_tested_terminals(maker: User) -> None:
    campaign = campaign_draft_save(document=document_make(), actor=maker, now=NOW)
    approve(campaign_submit(campaign_id=campaign.pk, actor=maker, now=NOW), now=NOW)
    with pytest.raises(CampaignNotReadyError) as refused:
        campaign_go_live(campaign_id=campaign.pk, actor=maker, now=NOW)
    assert [one.name for one in refused.value.invalid_params] == ["whitelist"]

    ready, bare, untested = store_make(), store_make(), store_make()
    terminal_make(ready)
    terminal_make(untested)
    late = terminal_make(untested, tested=False)
    whitelist_in_force(campaign, [ready, bare, untested])
    with pytest.raises(CampaignNotReadyError) as refused:
        campaign_go_live(campaign_id=campaign.pk, actor=maker, now=NOW)
    assert [one.name for one in refused.value.invalid_params] == [bare.store_no, late.terminal_no]

    whitelist_in_force(campaign, [ready])
    campaign_go_live(campaign_id=campaign.pk, actor=maker, now=NOW)
    campaign.refresh_from_db()
    assert campaign.state == "LIVE"
    assert list(campaign.whitelists.order_by("number").values_list("number", "state")) == [
        (1, "SUPERSEDED"),
        (2, "IN_FORCE"),
    ]


def test_the_version_in_force_is_not_submitted_again(maker: User) -> None:
    campaign = campaign_draft_save(document=document_make(), actor=maker, now=NOW)
    approve(campaign_submit(campaign_id=campaign.pk, actor=maker, now=NOW), now=NOW)
    with pytest.raises(DraftUnchangedError):
        campaign_submit(campaign_id=campaign.pk, actor=maker, now=NOW)
    assert Version.objects.filter(campaign=campaign).count() == 1


@pytest.mark.parametrize(
    ("now", "wrong"),
    [
        (
            datetime(2026, 3, 9, tzinfo=TIME_ZONE),
            {"batches[0].releases[0]": "领取截止已过，不会有人领到"},
        ),
        (
            datetime(2026, 3, 20, tzinfo=TIME_ZONE),
            {
                "batches[0].releases[0]": "领取截止已过，不会有人领到",
                "batches[0].rules.validity.fixed_until": "固定有效期已过",
            },
        ),
        (
            datetime(2026, 4, 1, tzinfo=TIME_ZONE),
            {
                "ends_at": "活动结束时间已过",
                "batches[0].releases[0]": "领取截止已过，不会有人领到",
                "batches[0].releases[1]": "领取截止已过，不会有人领到",
                "batches[0].rules.validity.fixed_until": "固定有效期已过",
            },
        ),
    ],
)
def test_windows_of_the_past_are_refused_when_submitted_and_when_agreed_to(
    maker: User, now: datetime, wrong: dict[str, str]
) -> None:
    document = document_make()
    (batch,) = document["batches"]
    batch["rules"]["validity"] = {
        "mode": "FIXED_WINDOW",
        "fixed_from": "2026-03-06T00:00:00+08:00",
        "fixed_until": "2026-03-20T00:00:00+08:00",
    }
    batch["releases"][0]["closes_at"] = "2026-03-09T00:00:00+08:00"
    campaign = campaign_draft_save(document=document, actor=maker, now=NOW)
    with pytest.raises(DefinitionInvalidError) as late:
        campaign_submit(campaign_id=campaign.pk, actor=maker, now=now)
    assert {one.name: one.reason for one in late.value.invalid_params} == wrong
    asked = campaign_submit(campaign_id=campaign.pk, actor=maker, now=NOW)
    with pytest.raises(DefinitionInvalidError):
        approve(asked, now=now)
    assert not Version.objects.exists()
