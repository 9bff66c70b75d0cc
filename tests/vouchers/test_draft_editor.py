"""The draft page: what the forms show is saved, what they do not show is kept."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.definition.document import definition_build
from campaigns.models import Campaign
from campaigns.services.drafts import campaign_draft_save, draft_hash
from core.access.models import Role
from tests.factories.definitions import document_make
from tests.factories.merchants import NANNING, PROVINCE
from tests.factories.packs import pack_document
from tests.factories.running import BEFORE, campaign_approved
from tests.factories.staff import staff_make
from tests.support.html_form import html_form_data
from tests.vouchers.test_return_rules import returning_document

pytestmark = pytest.mark.django_db


def login(role: str = Role.CAMPAIGN_MAKER, region: str = PROVINCE) -> Client:
    client = Client()
    client.force_login(staff_make(role, region=region))
    return client


def edit_url(campaign: Campaign) -> str:
    return reverse("admin:campaigns_campaign_edit", args=(campaign.pk,))


CREATE = "/admin/campaigns/campaign/create/"


def form_data(response: Any) -> dict[str, Any]:
    """What a browser would send back, unchanged."""
    return dict(html_form_data(response.content.decode(), "campaign-title"))


def opened() -> dict[str, str]:
    """What a page that is opened now sends beside what is typed."""
    return {"campaign-opened": draft_hash(Campaign.objects.get().draft)}


def saved() -> dict[str, Any]:
    document: dict[str, Any] = Campaign.objects.get().draft
    return document


def test_saving_without_a_change_changes_nothing() -> None:
    document = document_make(rules_text="说明\n\n第二行\n", sources=["http://example.invalid/a"])
    document["batches"][0]["releases"][0]["closes_at"] = "2026-03-06T20:00:00+08:00"
    rules = document["batches"][0]["rules"]
    rules["use"] = {"industries": ["CATERING"], "card_bins": ["62"]}
    rules["caps"] = [
        {"code": "day", "scope": "BATCH", "units": 1_000},
        {"code": "week", "scope": "CAMPAIGN", "window": "WEEK", "amount_fen": 12_345_00},
    ]
    campaign = campaign_draft_save(document=document, actor=None, now=BEFORE)
    client = login()
    page = client.get(edit_url(campaign))
    assert page.status_code == 200
    before = saved()
    assert client.post(edit_url(campaign), form_data(page)).status_code == 302
    assert saved() == before


def test_a_change_on_the_page_is_the_same_as_in_the_file() -> None:
    campaign = campaign_draft_save(document=document_make(), actor=None, now=BEFORE)
    client = login()
    data = form_data(client.get(edit_url(campaign)))
    data |= {
        "campaign-title": "夏季消费券",
        "funders-0-quota_fen": "2,500.00",
        "batches-0-threshold_fen": "120.5",
        "batches-0-validity_starts": "NEXT_DAY",
        "batches-0-flows": ["MERCHANT_SCANS"],
        "batches-0-hours": "18:00-24:00 5,6\n22:00-02:00",
        "batches-0-at_claim": "on",
        "batches-0-releases": "2026-03-06 08:00 50\n2026-03-07 20:00 50 2026-03-07 22:00",
    }
    assert client.post(edit_url(campaign), data).status_code == 302
    expected = document_make(title="夏季消费券")
    expected["funders"][0]["quota_fen"] = 250_000
    batch = expected["batches"][0]
    batch["rules"]["benefit"]["threshold_fen"] = 12_050
    batch["rules"]["validity"]["starts"] = "NEXT_DAY"
    batch["rules"]["use"] = {
        "flows": ["MERCHANT_SCANS"],
        "hours": [
            {"opens": "18:00", "closes": "24:00", "weekdays": [5, 6]},
            {"opens": "22:00", "closes": "02:00"},
        ],
    }
    batch["rules"]["location"] = {"at_claim": True}
    batch["releases"] = [
        {"slot": "2026-03-06T08:00:00+08:00", "units": 50},
        {
            "slot": "2026-03-07T20:00:00+08:00",
            "units": 50,
            "closes_at": "2026-03-07T22:00:00+08:00",
        },
    ]
    assert saved() == definition_build(expected).document()


def test_the_page_knows_every_kind_of_benefit() -> None:
    campaign = campaign_draft_save(document=document_make(), actor=None, now=BEFORE)
    client = login()
    data = form_data(client.get(edit_url(campaign)))
    tripled = data | {"batches-0-threshold_fen": "", "batches-0-face_multiple": "3"}
    assert client.post(edit_url(campaign), tripled).status_code == 302
    benefit = saved()["batches"][0]["rules"]["benefit"]
    assert (benefit["face_multiple"], benefit["threshold_fen"]) == (3, 9_000)
    again = form_data(client.get(edit_url(campaign)))
    assert client.post(edit_url(campaign), again).status_code == 302
    assert saved()["batches"][0]["rules"]["benefit"] == benefit
    free = again | {"batches-0-benefit": "NO_THRESHOLD", "batches-0-face_multiple": ""}
    assert client.post(edit_url(campaign), free).status_code == 302
    assert saved()["batches"][0]["rules"]["benefit"] == {"type": "NO_THRESHOLD"}
    shown = form_data(client.get(edit_url(campaign)))
    assert shown["batches-0-benefit"] == "NO_THRESHOLD"
    assert shown["batches-0-threshold_fen"] == ""
    part = shown | {"batches-0-benefit": "PERCENTAGE", "batches-0-basis": "ORDER"}
    asked = client.post(edit_url(campaign), part)
    assert "折扣券须填写减免比例" in asked.content.decode()
    assert client.post(edit_url(campaign), part | {"batches-0-rate": "12.5"}).status_code == 302
    benefit = {
        "type": "PERCENTAGE",
        "rate_bp": 1_250,
        "threshold_fen": 0,
        "ceiling_fen": None,
        "basis": "ORDER",
    }
    assert saved()["batches"][0]["rules"]["benefit"] == benefit
    again = form_data(client.get(edit_url(campaign)))
    assert client.post(edit_url(campaign), again).status_code == 302
    assert saved()["batches"][0]["rules"]["benefit"] == benefit
    capped = again | {"batches-0-ceiling_fen": "6000"}
    assert client.post(edit_url(campaign), capped).status_code == 302
    assert saved()["batches"][0]["rules"]["benefit"] == benefit | {"ceiling_fen": 600_000}
    emptied = {"batches-0-rate": "", "batches-0-ceiling_fen": "", "batches-0-tiers": ""}
    steps = again | opened() | emptied
    steps |= {"batches-0-benefit": "TIERS", "batches-0-tiers": "100 1\n200.50 30"}
    assert client.post(edit_url(campaign), steps).status_code == 302
    benefit = saved()["batches"][0]["rules"]["benefit"]
    assert benefit["tiers"] == [
        {"from_fen": 10_000, "subsidy_fen": 100},
        {"from_fen": 20_050, "subsidy_fen": 3_000},
    ]
    again = form_data(client.get(edit_url(campaign)))
    assert client.post(edit_url(campaign), again).status_code == 302
    assert saved()["batches"][0]["rules"]["benefit"] == benefit
    pack = again | {"batches-0-benefit": "PACK", "batches-0-parts": "man-20 2\nman-40 x"}
    assert "每行应为：批次代码 张数" in client.post(edit_url(campaign), pack).content.decode()
    odd = client.post(edit_url(campaign), again | {"batches-0-tiers": "100"})
    assert "每行应为：起点 补贴" in odd.content.decode()


def test_a_new_campaign_is_drafted_with_forms() -> None:
    client = login()
    page = client.get(CREATE)
    assert page.status_code == 200
    data = form_data(page) | {
        "campaign-code": "new-2026",
        "campaign-title": "新活动",
        "campaign-owner_region": PROVINCE,
        "campaign-regions": PROVINCE,
        "campaign-starts_at": "2026-03-06 00:00",
        "campaign-ends_at": "2026-04-01 00:00",
        "campaign-settlement_path": "PLATFORM_PAYOUT",
        "funders-0-code": "treasury",
        "funders-0-name": "财政",
        "funders-0-level": "PROVINCE",
        "funders-0-mode": "PREFUNDED",
        "funders-0-quota_fen": "300",
        "funders-0-number": "桂财1号",
        "funders-0-year": "2026",
        "batches-0-code": "b1",
        "batches-0-name": "满10减3",
        "batches-0-units": "100",
        "batches-0-face_fen": "3",
        "batches-0-benefit": "THRESHOLD",
        "batches-0-threshold_fen": "10",
        "batches-0-basis": "ORDER",
        "batches-0-funders": "treasury:1",
        "batches-0-validity_mode": "HOURS",
        "batches-0-validity_value": "72",
        "batches-0-releases": "2026-03-06 08:00 100",
    }
    response = client.post(CREATE, data)
    assert response.status_code == 302
    document = saved()
    assert document["batches"][0]["budget"] == {"treasury": 30_000}
    assert document["batches"][0]["rules"]["limits"][0]["keys"] == ["DOCUMENT", "MOBILE", "DEVICE"]


def test_what_is_wrong_is_listed_and_nothing_is_saved() -> None:
    campaign = campaign_draft_save(document=document_make(), actor=None, now=BEFORE)
    client = login()
    before = saved()
    data = form_data(client.get(edit_url(campaign)))
    response = client.post(edit_url(campaign), data | {"funders-0-quota_fen": "1"})
    assert response.status_code == 200
    assert "funders[0].quota_fen" in response.content.decode()
    response = client.post(edit_url(campaign), data | {"batches-0-releases": "tomorrow"})
    assert "每行应为：日期 时间 张数" in response.content.decode()
    response = client.post(edit_url(campaign), data | {"funders-0-quota_fen": "1.005"})
    assert "请输入金额，最多两位小数" in response.content.decode()
    assert saved() == before


def test_another_region_cannot_edit() -> None:
    campaign = campaign_approved()
    client = login(region=NANNING)
    assert client.get(edit_url(campaign)).status_code == 403
    assert login(Role.LIST_MAKER).get(edit_url(campaign)).status_code == 403


def test_a_pack_passes_through_the_page_unchanged() -> None:
    campaign = campaign_draft_save(document=pack_document(), actor=None, now=BEFORE)
    client = login()
    before = saved()
    data = form_data(client.get(edit_url(campaign)))
    assert data["batches-0-parts"] == "man-20 2\r\nman-40 2\r\nman-80 1"
    assert client.post(edit_url(campaign), data).status_code == 302
    assert saved() == before


def test_the_trigger_of_a_return_voucher_is_a_line_and_its_scope_has_fields() -> None:
    document = returning_document(below_fen=50_000)
    campaign = campaign_draft_save(document=document, actor=None, now=BEFORE)
    before = saved()
    client = login()
    data = form_data(client.get(edit_url(campaign)))
    assert data["batches-1-trigger"] == "REDEMPTION 80.00 500.00 b1"
    assert client.post(edit_url(campaign), data).status_code == 302
    assert saved() == before
    data["batches-1-trigger"] = "REDEMPTION 90 -"
    assert client.post(edit_url(campaign), data).status_code == 302
    trigger = saved()["batches"][1]["rules"]["trigger"]
    assert (trigger["from_fen"], trigger["below_fen"], trigger["batches"]) == (9_000, None, [])
    assert trigger["use"]["industries"] == ["CATERING"]
    data["batches-1-trigger"] = "REDEMPTION 90"
    assert client.post(edit_url(campaign), data).status_code == 200
    assert saved()["batches"][1]["rules"]["trigger"] == trigger
    data |= {
        **opened(),
        "batches-1-trigger": "TRANSACTION 90 -",
        "batches-1-trigger_industries": ["CATERING", "LODGING"],
        "batches-1-trigger_hours": "18:00-24:00 5,6",
        "batches-1-trigger_regions": "450100",
    }
    del data["batches-1-trigger_whitelist"]
    assert client.post(edit_url(campaign), data).status_code == 302
    trigger = saved()["batches"][1]["rules"]["trigger"]
    assert (trigger["source"], trigger["use"]) == (
        "TRANSACTION",
        trigger["use"]
        | {
            "whitelist": False,
            "industries": ["CATERING", "LODGING"],
            "hours": [{"opens": "18:00", "closes": "24:00", "weekdays": [5, 6]}],
            "regions": ["450100"],
        },
    )


def test_the_scope_of_purchases_without_any_trigger_is_refused() -> None:
    campaign = campaign_draft_save(document=document_make(), actor=None, now=BEFORE)
    client, before = login(), saved()
    data = form_data(client.get(edit_url(campaign)))
    data["batches-0-trigger_brands"] = "youwei"
    page = client.post(edit_url(campaign), data)
    assert page.status_code == 200
    assert "填写了所购消费的范围，须填写返券条件" in page.content.decode()
    assert saved() == before


def test_the_rule_of_devices_is_two_numbers() -> None:
    document = document_make()
    document["batches"][0]["rules"]["device"] = {"persons": 8, "days": 7}
    campaign = campaign_draft_save(document=document, actor=None, now=BEFORE)
    client = login()
    data = form_data(client.get(edit_url(campaign)))
    assert data["batches-0-device"] == "8 7"
    for typed, expected in (("4 14", {"persons": 4, "days": 14}), ("", None)):
        sent = data | opened() | {"batches-0-device": typed}
        assert client.post(edit_url(campaign), sent).status_code == 302
        assert saved()["batches"][0]["rules"]["device"] == expected
    for typed, words in (
        ("8", "应为：人数 天数，均为整数"),
        ("8 week", "应为：人数 天数，均为整数"),
        ("0 7", "应≥ 1"),
    ):
        wrong = client.post(edit_url(campaign), data | {"batches-0-device": typed})
        assert wrong.status_code == 200
        assert words in wrong.content.decode()
