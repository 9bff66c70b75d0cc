"""Funds, adjustments, top-ups and cuts, later versions: two people, exact books."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from campaigns.errors import (
    AdjustmentNotAllowedError,
    AmountInvalidError,
    BudgetBelowReceivedError,
    BudgetBelowUsedError,
    BudgetStaleError,
    DefinitionInvalidError,
    DraftOpenError,
    DraftUnchangedError,
    FundsDuplicateError,
    FundsExceedError,
    FundsNotCashError,
)
from campaigns.models import Campaign, FundsMovement, Version
from campaigns.services.adjustments import AdjustmentKind, adjustment_request
from campaigns.services.budgets import BudgetChange, campaign_budget_change
from campaigns.services.drafts import campaign_draft_save
from campaigns.services.funds import funds_movement_request
from campaigns.services.money import version_money_post
from campaigns.services.versions import campaign_submit
from core.access.models import Role, User
from core.approvals.models import Approval
from core.approvals.registry import approval_kind
from core.clock import TIME_ZONE
from core.models import Entry
from tests.factories.approvals import approve
from tests.factories.definitions import document_make
from tests.factories.running import balances, campaign_running
from tests.factories.staff import staff_make
from vouchers.models import Batch, BatchVersion, QuotaRelease
from vouchers.services.releases import quota_release_open

pytestmark = pytest.mark.django_db
FIRST = datetime(2026, 3, 6, 8, tzinfo=TIME_ZONE)


@pytest.fixture
def campaign() -> Campaign:
    return campaign_running()


@pytest.fixture
def maker() -> User:
    return staff_make(Role.CAMPAIGN_MAKER)


@pytest.fixture
def clerk() -> User:
    return staff_make(Role.SETTLEMENT_MAKER)


def funder_id(campaign: Campaign, position: int) -> UUID:
    return campaign.fundings.get(position=position).funder_id


def enter(campaign: Campaign, clerk: User, **changes: Any) -> Approval:
    values: dict[str, Any] = {
        "campaign_id": campaign.pk,
        "funder_id": funder_id(campaign, 0),
        "kind": "RECEIVED",
        "amount_fen": 80_000,
        "document_no": "收1号",
        "value_date": FIRST.date(),
        "actor": clerk,
        "now": FIRST,
    }
    return funds_movement_request(**values | changes)


def test_cash_is_booked_once_the_checker_agrees(campaign: Campaign, clerk: User) -> None:
    approval = enter(campaign, clerk)
    assert "CASH" not in balances(campaign)
    approve(approval, now=FIRST)
    books = balances(campaign)
    assert (books["CASH"], books["FUNDER_RECEIVABLE"]) == (80_000, 190_000)
    movement = FundsMovement.objects.get()
    assert str(movement.pk) == approval.subject_id
    assert (movement.amount_fen, movement.document_no, movement.entry_id) == (
        80_000,
        "收1号",
        Entry.objects.get(code="FUNDS_RECEIVED").pk,
    )


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"amount_fen": 200_001}, FundsExceedError),
        ({"amount_fen": 0}, AmountInvalidError),
        ({"amount_fen": -1}, AmountInvalidError),
        ({"kind": "ADVANCE_REPAID"}, FundsExceedError),
        ({"kind": "LEFTOVER_RETURNED", "amount_fen": 1}, FundsExceedError),
    ],
)
def test_what_the_books_do_not_allow_is_refused(
    campaign: Campaign, clerk: User, changes: dict[str, Any], error: type[Exception]
) -> None:
    before = balances(campaign)
    with pytest.raises(error):
        enter(campaign, clerk, **changes)
    assert not Approval.objects.filter(kind="campaign.funds").exists()
    assert balances(campaign) == before


def test_concessions_are_never_cash(campaign: Campaign, clerk: User) -> None:
    with pytest.raises(FundsNotCashError):
        enter(campaign, clerk, funder_id=funder_id(campaign, 2))


def test_a_document_is_booked_once(campaign: Campaign, clerk: User) -> None:
    first, second = enter(campaign, clerk), enter(campaign, clerk)
    approve(first, now=FIRST)
    with pytest.raises(FundsDuplicateError):
        approve(second, now=FIRST)
    with pytest.raises(FundsDuplicateError):
        enter(campaign, clerk)
    assert balances(campaign)["CASH"] == 80_000


def test_an_adjustment_is_from_the_closed_list(campaign: Campaign, clerk: User) -> None:
    approve(enter(campaign, clerk), now=FIRST)
    values: dict[str, Any] = {
        "campaign_id": campaign.pk,
        "funder_id": funder_id(campaign, 0),
        "reason": "重复登记",
        "actor": clerk,
        "now": FIRST,
    }
    approval = adjustment_request(kind=AdjustmentKind.RECEIPT_REVERSED, amount_fen=30_000, **values)
    approve(approval, now=FIRST)
    books = balances(campaign)
    assert (books["CASH"], books["FUNDER_RECEIVABLE"]) == (50_000, 220_000)
    with pytest.raises(FundsExceedError):
        adjustment_request(kind=AdjustmentKind.RECEIPT_REVERSED, amount_fen=50_001, **values)
    with pytest.raises(AdjustmentNotAllowedError):
        adjustment_request(kind="ANYTHING", amount_fen=1, **values)
    with pytest.raises(AdjustmentNotAllowedError):
        adjustment_request(kind=AdjustmentKind.RECEIVABLE_WRITTEN_OFF, amount_fen=1, **values)
    assert balances(campaign) == books


def topped_up(campaign: Campaign) -> list[BudgetChange]:
    """Ten more vouchers, and their money: 200.00 + 70.00 + 30.00 yuan."""
    del campaign
    return [
        BudgetChange("funders[0].quota_fen", 200_000, 220_000),
        BudgetChange("funders[1].quota_fen", 70_000, 77_000),
        BudgetChange("funders[2].quota_fen", 30_000, 33_000),
        BudgetChange("batches[0].units", 100, 110),
        BudgetChange("batches[0].budget.treasury", 200_000, 220_000),
        BudgetChange("batches[0].budget.bank", 70_000, 77_000),
        BudgetChange("batches[0].budget.merchants", 30_000, 33_000),
    ]


def test_a_top_up_is_a_version_booked_as_the_difference(campaign: Campaign, maker: User) -> None:
    approval = campaign_budget_change(
        campaign_id=campaign.pk, changes=topped_up(campaign), reason="追加", actor=maker, now=FIRST
    )
    assert approval.amount_fen == 30_000
    approve(approval, now=FIRST)
    campaign.refresh_from_db()
    assert campaign.version == Version.objects.get(campaign=campaign, number=2)
    assert campaign.state == "LIVE"
    assert balances(campaign) == {
        "FUNDER_RECEIVABLE": 297_000,
        "CONCESSION": 33_000,
        "ALLOCATED": 330_000,
    }
    assert Batch.objects.get(campaign=campaign).planned_units == 110
    assert BatchVersion.objects.filter(batch__campaign=campaign).count() == 2


def test_a_stale_amount_is_refused(campaign: Campaign, maker: User) -> None:
    with pytest.raises(BudgetStaleError) as refused:
        campaign_budget_change(
            campaign_id=campaign.pk,
            changes=[BudgetChange("funders[0].quota_fen", 199_999, 300_000)],
            reason="追加",
            actor=maker,
            now=FIRST,
        )
    assert refused.value.data == {"path": "funders[0].quota_fen", "current_fen": 200_000}
    campaign.refresh_from_db()
    assert campaign.version is not None
    assert campaign.draft == campaign.version.document


@pytest.mark.parametrize("path", ["title", "funders[9].quota_fen", "batches[0].budget.stranger"])
def test_other_fields_are_not_amounts(campaign: Campaign, maker: User, path: str) -> None:
    with pytest.raises(DefinitionInvalidError):
        campaign_budget_change(
            campaign_id=campaign.pk,
            changes=[BudgetChange(path, 1, 2)],
            reason="追加",
            actor=maker,
            now=FIRST,
        )


def test_a_cut_never_goes_below_what_is_released(campaign: Campaign, maker: User) -> None:
    quota_release_open(now=FIRST)
    document = document_make()
    document["batches"][0] |= {"units": 60, "releases": document["batches"][0]["releases"][:1]}
    for funder, fen in zip(document["funders"], (120_000, 42_000, 18_000), strict=True):
        funder["quota_fen"] = fen
    campaign_draft_save(document=document, actor=maker, now=FIRST)
    approve(campaign_submit(campaign_id=campaign.pk, actor=maker, now=FIRST), now=FIRST)
    assert balances(campaign) == {
        "FUNDER_RECEIVABLE": 162_000,
        "CONCESSION": 18_000,
        "RESERVED": 180_000,
    }
    assert sorted(QuotaRelease.objects.values_list("state", flat=True)) == ["CANCELLED", "OPEN"]

    document["batches"][0] |= {"units": 59}
    with pytest.raises(DefinitionInvalidError) as refused:
        campaign_draft_save(document=document, actor=maker, now=FIRST)
    names = [one.name for one in refused.value.invalid_params]
    assert names == ["batches[0].releases"]


def test_a_cut_that_lost_a_race_with_a_wave_is_refused_as_a_whole(
    campaign: Campaign, maker: User
) -> None:
    document = document_make()
    document["batches"][0]["units"] = 40
    document["batches"][0]["releases"] = [{"slot": "2026-03-13T08:00:00+08:00", "units": 40}]
    campaign_draft_save(document=document, actor=maker, now=FIRST - timedelta(hours=1))
    approval = campaign_submit(campaign_id=campaign.pk, actor=maker, now=FIRST - timedelta(hours=1))
    quota_release_open(now=FIRST)
    before = balances(campaign)
    with pytest.raises((BudgetBelowUsedError, DefinitionInvalidError)):
        approve(approval, now=FIRST)
    assert balances(campaign) == before
    assert Version.objects.filter(campaign=campaign).count() == 1


def test_a_cut_never_takes_back_what_waves_have_opened(campaign: Campaign) -> None:
    """Of 100 vouchers 60 are out, with 20.00 of the treasury in each."""
    quota_release_open(now=FIRST)
    before, unit = balances(campaign), Batch.objects.get(campaign=campaign)
    version = Version.objects.get(campaign=campaign)
    key = unit.pk, funder_id(campaign, 0)
    with pytest.raises(BudgetBelowUsedError) as refused:
        version_money_post(
            version=version, quotas={}, before={key: 200_000}, after={key: 119_000}, now=FIRST
        )
    assert refused.value.data == {"funder": "自治区财政", "missing_fen": 1_000}
    assert balances(campaign) == before


def test_a_cut_never_goes_below_the_cash_that_has_come(maker: User, clerk: User) -> None:
    document = document_make()
    document["funders"][0]["quota_fen"] = 210_000
    campaign = campaign_running(document)
    approve(enter(campaign, clerk, amount_fen=207_000), now=FIRST)
    before = balances(campaign)
    cut = BudgetChange("funders[0].quota_fen", 210_000, 205_000)
    approval = campaign_budget_change(
        campaign_id=campaign.pk, changes=[cut], reason="调减", actor=maker, now=FIRST
    )
    with pytest.raises(BudgetBelowReceivedError) as refused:
        approve(approval, now=FIRST)
    assert refused.value.data == {"funder": "自治区财政", "missing_fen": 2_000}
    assert balances(campaign) == before
    assert Version.objects.filter(campaign=campaign).count() == 1


def test_face_and_funders_are_frozen_by_the_first_wave(campaign: Campaign, maker: User) -> None:
    quota_release_open(now=FIRST)
    document = document_make()
    document["batches"][0]["funders"] = {"treasury": 100, "bank": 170, "merchants": 30}
    document["batches"][0]["budget"] = {
        "treasury": 200_000,
        "bank": 170_000,
        "merchants": 30_000,
    }
    document["funders"][1]["quota_fen"] = 170_000
    with pytest.raises(DefinitionInvalidError) as refused:
        campaign_draft_save(document=document, actor=maker, now=FIRST)
    assert [(one.name, one.reason) for one in refused.value.invalid_params] == [
        ("batches[0]", "首次投放后面额与出资比例不得变更")
    ]


def test_groups_and_the_sides_of_limits_are_frozen_by_the_first_wave(
    campaign: Campaign, maker: User
) -> None:
    quota_release_open(now=FIRST)
    document = document_make()
    document["batches"][0]["rules"]["group"] = "餐饮"
    with pytest.raises(DefinitionInvalidError) as refused:
        campaign_draft_save(document=document, actor=maker, now=FIRST)
    assert [(one.name, one.reason) for one in refused.value.invalid_params] == [
        ("batches[0].rules.group", "首次投放后所属组不得变更")
    ]
    document = document_make()
    (limit,) = document["batches"][0]["rules"]["limits"]
    other = limit | {"code": "claims"}
    document["batches"][0]["rules"]["limits"] = [limit | {"side": "REDEMPTION"}, other]
    with pytest.raises(DefinitionInvalidError) as refused:
        campaign_draft_save(document=document, actor=maker, now=FIRST)
    assert [(one.name, one.reason) for one in refused.value.invalid_params] == [
        ("batches[0].rules.limits", f"限制代码的环节不得变更：{limit['code']}")
    ]


def test_a_live_campaign_gets_nothing_that_is_not_carried_out_yet(
    campaign: Campaign, maker: User
) -> None:
    document = document_make()
    document["batches"][0]["rules"]["issuing"] = "LOTTERY"
    campaign_draft_save(document=document, actor=maker, now=FIRST)
    with pytest.raises(DefinitionInvalidError) as refused:
        campaign_submit(campaign_id=campaign.pk, actor=maker, now=FIRST)
    assert [one.name for one in refused.value.invalid_params] == ["batches[0].rules.issuing"]


def test_a_draft_saved_by_an_older_release_is_no_change(campaign: Campaign, maker: User) -> None:
    """Its stored form lacks the fields that rules have gained since."""
    for name in ("group", "conflicts", "issuing"):
        del campaign.draft["batches"][0]["rules"][name]
    campaign.save(update_fields=["draft"])
    with pytest.raises(DraftUnchangedError):
        campaign_submit(campaign_id=campaign.pk, actor=maker, now=FIRST)
    change = BudgetChange("funders[0].quota_fen", 200_000, 210_000)
    approval = campaign_budget_change(
        campaign_id=campaign.pk, changes=[change], reason="追加", actor=maker, now=FIRST
    )
    changed = approval_kind(approval.kind).fields(approval.subject_id, approval.payload)
    assert changed == ["funders[treasury].quota_fen：200000 → 210000"]


def test_new_rules_hold_for_vouchers_issued_after_their_version(
    campaign: Campaign, maker: User
) -> None:
    quota_release_open(now=FIRST)
    first = Batch.objects.get(campaign=campaign).version
    document = document_make()
    document["batches"][0]["rules"]["validity"]["value"] = 48
    campaign_draft_save(document=document, actor=maker, now=FIRST)
    approval = campaign_submit(campaign_id=campaign.pk, actor=maker, now=FIRST)
    assert approval.amount_fen == 0
    assert Batch.objects.get(campaign=campaign).version == first
    with pytest.raises(DraftOpenError):
        campaign_budget_change(
            campaign_id=campaign.pk, changes=[], reason="x", actor=maker, now=FIRST
        )
    entries = Entry.objects.count()
    approve(approval, now=FIRST)
    second = Batch.objects.get(campaign=campaign).version
    assert second is not None
    assert second.rules["validity"]["value"] == 48
    assert Entry.objects.count() == entries
