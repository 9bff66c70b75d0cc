"""The public pages over HTTP: who reads them, in which language, and what is not on them."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.models import Campaign
from campaigns.services.drafts import campaign_draft_save
from campaigns.services.lifecycle import campaign_pause, campaign_stop
from campaigns.services.versions import campaign_submit
from core.access.models import Role, User
from core.clock import clock_forget
from core.errors import CATALOGUE
from tests.factories.campaigns import ENDS_AT, OPENED_AT
from tests.factories.definitions import document_make
from tests.factories.merchants import organisation_make
from tests.factories.running import (
    BEFORE,
    campaign_approved,
    campaign_published,
    campaign_running,
)
from tests.factories.staff import staff_make
from tests.support.moments import business_time_set
from tests.support.page_text import page_text

pytestmark = pytest.mark.django_db
PAGES = ("rules", "rules-cashier")


def path(page: str, code: str = "spring-2026") -> str:
    return reverse(page, args=[code])


def html(page: str, language: str = "zh", **headers: str) -> str:
    response = Client(headers=headers).get(path(page), {"lang": language} if language else {})
    assert response.status_code == 200
    text: str = response.content.decode()
    return text


@pytest.fixture(autouse=True)
def _now() -> None:
    business_time_set(BEFORE)


def test_a_citizen_reads_the_rules_without_logging_in() -> None:
    campaign_running()
    lines = page_text(html("rules")).lines
    assert lines[:3] == ["活动规则", "春季消费券", "规则第 1 版，2026-03-01 批准"]
    for line in (
        "活动期间：2026-03-06 00:00 至 2026-04-01 00:00（不含）",
        "活动地区：广西壮族自治区",
        "满100元减30元，按订单金额计算",
        "投放计划：2026-03-06至2026-03-13每周五 08:00，共2轮100张，领完为止",
        "下一轮投放：2026-03-06 08:00，60张",
        "自治区财政（自治区/省，预拨）",
    ):
        assert line in lines, line


def test_a_cashier_reads_every_refusal_of_a_till() -> None:
    campaign_running()
    cells = page_text(html("rules-cashier")).table
    met = [code for code in CATALOGUE if code.split(".")[0] in ("voucher", "code", "redemption")]
    met += [code for code in CATALOGUE if code.startswith("refund.")]
    assert [cell for cell in cells if cell in CATALOGUE] == met
    assert "订单金额不足。还差 … 元可用。" in cells
    assert "再买 … 元即可使用。" in cells
    assert CATALOGUE["redemption.below_threshold"].hotline_zh in cells
    assert not re.search(r"[{}]", "".join(cells))


@pytest.mark.parametrize("page", PAGES)
def test_the_parameter_decides_about_the_language_then_the_browser(page: str) -> None:
    campaign_running()
    title = {"rules": "Rules of the campaign", "rules-cashier": "Notes for cashiers"}[page]
    in_english = {"accept-language": "en-GB,en;q=0.9"}
    assert page_text(html(page, "en")).lines[0] == title
    assert page_text(html(page, "", **in_english)).lines[0] == title
    assert page_text(html(page, "zh", **in_english)).lines[0] != title
    assert page_text(html(page, "fr")).lines[0] != title
    response = Client().get(path(page), {"lang": "en"})
    assert response["Content-Language"] == "en"
    assert '<html lang="en">' in response.content.decode()
    assert 'href="?lang=zh"' in response.content.decode()
    assert "Accept-Language" in response["Vary"]


@pytest.mark.parametrize("page", PAGES)
def test_what_is_not_published_is_not_found(page: str) -> None:
    client, maker = Client(), staff_make(Role.CAMPAIGN_MAKER)
    assert client.get(path(page)).status_code == 404
    campaign = campaign_draft_save(document=document_make(), actor=maker, now=BEFORE)
    assert client.get(path(page)).status_code == 404
    campaign_submit(campaign_id=campaign.pk, actor=maker, now=BEFORE)
    assert client.get(path(page)).status_code == 404
    campaign_approved(document_make(code="approved"))
    assert client.get(path(page, "approved")).status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_only_read(page: str) -> None:
    campaign_running()
    assert Client().post(path(page)).status_code == 405
    assert Client().head(path(page)).status_code == 200


def test_a_draft_of_the_next_version_does_not_show() -> None:
    campaign = campaign_running()
    changed = document_make(title="新的名称")
    changed["batches"][0]["rules"]["validity"]["value"] = 48
    campaign_draft_save(document=changed, actor=staff_make(Role.CAMPAIGN_MAKER), now=BEFORE)
    campaign.refresh_from_db()
    assert campaign.draft["title"] == "新的名称"
    for page in PAGES:
        text = html(page)
        assert "领取后72小时内有效" in text
        assert "48" not in page_text(text).lines
        assert "新的名称" not in text


def test_a_paused_a_stopped_and_a_past_campaign_say_so() -> None:
    campaign, maker = campaign_running(), staff_make(Role.CAMPAIGN_MAKER)
    assert "notice" not in html("rules")
    campaign_pause(campaign_id=campaign.pk, reason="检修", actor=maker, now=BEFORE)
    assert "领取已暂停，已领取的券仍可按规则使用。" in html("rules")
    campaign_stop(campaign_id=campaign.pk, reason="套现", actor=maker, now=BEFORE)
    assert "使用已暂停，已领取的券暂不能使用；退款照常办理。" in html("rules")
    campaign.refresh_from_db()
    campaign.state = "ENDED"
    campaign.save(update_fields=["state"])
    lines = page_text(html("rules")).lines
    assert "活动已结束，不再发放。" in lines
    assert not [line for line in lines if "下一轮" in line]


def test_the_next_wave_follows_the_clock() -> None:
    campaign_published(document_make())
    business_time_set(OPENED_AT)
    assert "下一轮投放：2026-03-13 08:00，40张" in html("rules")
    business_time_set(ENDS_AT)
    assert "计划的投放均已开始，没有下一轮" in html("rules")


def test_complaints_go_to_the_organising_office() -> None:
    office = organisation_make(name="示意商务局")
    campaign_published(document_make(organisation=office.code))
    assert "主办机构：示意商务局（广西壮族自治区）" in html("rules")


@pytest.mark.parametrize("page", PAGES)
def test_no_member_of_staff_is_named_and_nothing_is_left_in_the_browser(page: str) -> None:
    campaign_running()
    response = Client().get(path(page))
    text = response.content.decode()
    for user in User.objects.all():
        assert user.username not in text
        assert not user.display_name or user.display_name not in text
    assert response.cookies == {}
    assert response["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_needs_nothing_from_elsewhere_and_no_script(page: str) -> None:
    campaign_running()
    response = Client().get(path(page))
    text = response.content.decode()
    assert "<script" not in text
    assert not re.search(r'(src|href)="(https?:)?//', text)
    assert not re.search(r"<style|\sstyle=|\son\w+=", text)
    assert "unsafe" not in response["Content-Security-Policy"]


def queries(page: str, code: str) -> int:
    clock_forget()
    with CaptureQueriesContext(connection) as captured:
        assert Client().get(path(page, code)).status_code == 200
    return len(captured)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_equally_often_however_much_it_says(page: str) -> None:
    campaign_published(document_make(code="small"))
    large = document_make(code="large")
    (batch,) = large["batches"]
    use: dict[str, Any] = {"regions": ["450100", "450200"], "industries": ["CATERING"]}
    rules = batch["rules"] | {"use": use}
    large["batches"] = [
        batch | {"code": f"b{n}", "name": f"第{n}档", "face_fen": 300, "rules": rules}
        for n in range(10)
    ]
    campaign_published(large)
    queries(page, "small")
    few = queries(page, "small")
    assert queries(page, "large") == few
    assert few <= 2


def test_the_campaigns_page_links_both_once_it_is_public() -> None:
    client = Client()
    client.force_login(staff_make(Role.AUDITOR))
    url = reverse("admin:campaigns_campaign_change", args=[campaign_running().pk])
    text = client.get(url).content.decode()
    for page in PAGES:
        assert f'href="{path(page)}"' in text
    hidden = campaign_approved(document_make(code="hidden"))
    url = reverse("admin:campaigns_campaign_change", args=[hidden.pk])
    text = client.get(url).content.decode()
    assert path("rules", "hidden") not in text
    assert Campaign.objects.count() == 2
