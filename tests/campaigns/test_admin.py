"""Pages of the campaigns room: the whole way of a campaign by clicks, each by who may."""

from datetime import datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from campaigns.definition.writing import definition_write
from campaigns.models import (
    Campaign,
    Funder,
    Funding,
    FundsMovement,
    Version,
    Whitelist,
    WhitelistEntry,
)
from core.access.models import Role
from core.clock import TIME_ZONE
from core.models import Approval
from tests.factories.campaigns import campaign_live
from tests.factories.definitions import document_make
from tests.factories.merchants import LIUZHOU, NANNING, PROVINCE, store_make, terminal_make
from tests.factories.running import balances, campaign_approved, campaign_running
from tests.factories.staff import staff_make

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 10, tzinfo=TIME_ZONE)
SENT = {"_form_submitted": "on"}
MODELS: tuple[Any, ...] = (
    Campaign,
    Version,
    Funder,
    Funding,
    FundsMovement,
    Whitelist,
    WhitelistEntry,
)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.clock.now", lambda: NOW)


def login(*roles: str, region: str = PROVINCE) -> Client:
    client = Client()
    client.force_login(staff_make(*roles, region=region))
    return client


def url(model: Any, page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def press(client: Client, model: Any, name: str, pk: object, **data: object) -> Any:
    return client.post(url(model, name, pk), SENT | data)


def agree(role: str = Role.CAMPAIGN_CHECKER) -> None:
    waiting = Approval.objects.get(state="PENDING")
    press(login(role), Approval, "agree", waiting.pk, comment="同意")
    waiting.refresh_from_db()
    assert waiting.state == "APPROVED"


def upload(client: Client, document: dict[str, Any]) -> Any:
    file = SimpleUploadedFile("plan.yaml", definition_write(document, "yaml").encode())
    return client.post(url(Campaign, "upload"), {"file": file})


def test_a_campaign_goes_its_whole_way_by_clicks() -> None:
    maker, lists = login(Role.CAMPAIGN_MAKER), login(Role.LIST_MAKER)
    assert upload(maker, document_make()).status_code == 302
    campaign = Campaign.objects.get()
    press(maker, Campaign, "submit", campaign.pk)
    agree()
    store = store_make()
    terminal_make(store)
    response = lists.post(
        url(Whitelist, "build"), {"campaign": campaign.pk, "store_nos": store.store_no}
    )
    assert response.status_code == 302
    press(lists, Whitelist, "submit", Whitelist.objects.get().pk)
    agree(Role.LIST_CHECKER)
    press(maker, Campaign, "go_live", campaign.pk)
    campaign.refresh_from_db()
    assert campaign.state == "LIVE"

    press(
        login(Role.SETTLEMENT_MAKER),
        Campaign,
        "funds",
        campaign.pk,
        funder=Funding.objects.get(position=0).pk,
        kind="RECEIVED",
        amount_fen="1,500.00",
        document_no="收1号",
        value_date="2026-03-01",
    )
    agree(Role.SETTLEMENT_CHECKER)
    assert balances(campaign)["CASH"] == 150_000
    movement = FundsMovement.objects.get()
    page = login(Role.SETTLEMENT_CHECKER).get(url(FundsMovement, "change", movement.pk))
    entry = reverse("admin:core_entry_change", args=(movement.entry_id,))
    assert f'href="{entry}">查看</a>' in page.content.decode()

    press(maker, Campaign, "stop", campaign.pk, reason="发现套现")
    campaign.refresh_from_db()
    assert (campaign.state, campaign.redemptions_on) == ("PAUSED", False)
    press(maker, Campaign, "restart", campaign.pk, reason="已处置")
    agree()
    press(maker, Campaign, "end", campaign.pk, reason="提前结束")
    press(maker, Campaign, "clear", campaign.pk)
    press(maker, Campaign, "audit", campaign.pk, document_no="审1号", reason="无保留")
    press(maker, Campaign, "close", campaign.pk, reason="审计完成")
    agree()
    campaign.refresh_from_db()
    assert campaign.state == "CLOSED"
    assert balances(campaign) == {"CASH": 150_000, "RETURN_PAYABLE": 150_000}


def test_an_upload_names_what_is_wrong() -> None:
    document = document_make()
    document["batches"][0]["funders"]["stranger"] = 1
    response = upload(login(Role.CAMPAIGN_MAKER), document)
    assert response.status_code == 200
    assert "batches[0].funders.stranger" in response.content.decode()
    assert not Campaign.objects.exists()


def test_a_reason_is_asked_for() -> None:
    campaign = campaign_running()
    response = press(login(Role.CAMPAIGN_MAKER), Campaign, "pause", campaign.pk, reason="")
    assert response.status_code == 200
    campaign.refresh_from_db()
    assert campaign.state == "LIVE"


def test_the_maker_cannot_agree_and_has_no_button() -> None:
    campaign = campaign_running()
    maker = staff_make(Role.CAMPAIGN_MAKER)
    client = Client()
    client.force_login(maker)
    press(client, Campaign, "stop", campaign.pk, reason="x")
    press(client, Campaign, "restart", campaign.pk, reason="x")
    approval = Approval.objects.get(state="PENDING")
    assert press(client, Approval, "agree", approval.pk).status_code == 403
    page = client.get(url(Approval, "change", approval.pk)).content.decode()
    assert url(Approval, "agree", approval.pk) not in page
    assert url(Approval, "withdraw", approval.pk) in page
    press(client, Approval, "withdraw", approval.pk, reason="写错了")
    approval.refresh_from_db()
    assert approval.state == "WITHDRAWN"


def test_a_rejection_needs_words() -> None:
    campaign = campaign_running()
    maker = login(Role.CAMPAIGN_MAKER)
    press(maker, Campaign, "stop", campaign.pk, reason="x")
    press(maker, Campaign, "restart", campaign.pk, reason="x")
    approval = Approval.objects.get(state="PENDING")
    checker = login(Role.CAMPAIGN_CHECKER)
    press(checker, Approval, "reject", approval.pk, reason="")
    approval.refresh_from_db()
    assert approval.state == "PENDING"
    press(checker, Approval, "reject", approval.pk, reason="证据不足")
    approval.refresh_from_db()
    assert approval.state == "REJECTED"
    campaign.refresh_from_db()
    assert campaign.state == "PAUSED"


@pytest.mark.parametrize("model", MODELS)
def test_lists_and_pages_show_only_the_own_region(model: Any) -> None:
    stores = [store_make()]
    here = campaign_live(region=NANNING, stores=stores)
    there = campaign_live(region=LIUZHOU, stores=stores)
    rows = {
        Campaign: (here.campaign, there.campaign),
        Version: (here.version, there.version),
        Funder: (here.funders[0], there.funders[0]),
        Funding: (here.fundings[0], there.fundings[0]),
        Whitelist: (here.whitelist, there.whitelist),
        WhitelistEntry: (None, None),
        FundsMovement: (None, None),
    }[model]
    client = login(Role.CAMPAIGN_MAKER, region=NANNING)
    response = client.get(url(model, "changelist"))
    assert response.status_code == 200
    mine, other = rows
    if mine is None or other is None:
        return
    listed = {row.pk for row in response.context["cl"].queryset}
    assert mine.pk in listed
    assert other.pk not in listed
    assert client.get(url(model, "change", mine.pk)).status_code == 200
    assert client.get(url(model, "change", other.pk)).status_code == 404


def test_a_city_reads_the_campaign_of_its_province_but_has_no_buttons() -> None:
    campaign = campaign_running()
    client = login(Role.CAMPAIGN_MAKER, region=NANNING)
    page = client.get(url(Campaign, "change", campaign.pk))
    assert page.status_code == 200
    assert press(client, Campaign, "pause", campaign.pk, reason="x").status_code == 403
    campaign.refresh_from_db()
    assert campaign.state == "LIVE"


def test_the_page_of_an_approval_says_what_is_agreed_to() -> None:
    campaign = campaign_approved()
    document = document_make()
    document["batches"][0]["rules"]["validity"]["value"] = 48
    maker = login(Role.CAMPAIGN_MAKER)
    upload(maker, document)
    press(maker, Campaign, "submit", campaign.pk)
    approval = Approval.objects.get(state="PENDING")
    page = login(Role.CAMPAIGN_CHECKER).get(url(Approval, "change", approval.pk))
    assert "修改：领取后72小时内有效" in page.content.decode()
    assert "batches[b1].rules.validity.value：72 → 48" in page.content.decode()


def test_a_funding_shows_its_document_in_words() -> None:
    running = campaign_live()
    funding = Funding.objects.filter(campaign=running.campaign).first()
    assert funding is not None
    Funding.objects.filter(pk=funding.pk).update(
        document={"number": "桂财〔2026〕1号", "year": 2026, "project_code": ""}
    )
    page = login(Role.CAMPAIGN_MAKER).get(url(Funding, "change", funding.pk)).content.decode()
    assert "<dt>年度</dt>" in page
    assert "桂财〔2026〕1号" in page
    assert "project_code" not in page
    assert "2,026" not in page


def test_export_is_the_draft() -> None:
    campaign = campaign_approved()
    client = login(Role.CAMPAIGN_MAKER)
    response = client.get(url(Campaign, "download", campaign.pk))
    assert response.content.decode() == definition_write(campaign.draft, "yaml")
