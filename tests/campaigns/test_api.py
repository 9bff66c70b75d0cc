"""GET /campaigns: what a client may know of, and the rules page of the approved version."""

from datetime import timedelta

import pytest

from campaigns.models import Campaign, Funder, Funding
from campaigns.services.lifecycle import campaign_pause
from core.access.models import Role
from core.ids import new_id, to_public
from tests.factories.campaigns import ENDS_AT, OPENED_AT, STARTS_AT, FunderPlan, campaign_live
from tests.factories.definitions import document_make
from tests.factories.running import BEFORE, campaign_approved, campaign_running
from tests.factories.staff import staff_make
from tests.support.api import ApiCaller
from tests.support.moments import business_time_set
from tests.vouchers.api_world import API, body_of, channel_make

pytestmark = pytest.mark.django_db
BANK = (FunderPlan("银行", 1, Funding.Mode.OPERATOR_ADVANCE, Funder.Level.BANK),)


@pytest.fixture
def api() -> ApiCaller:
    business_time_set(OPENED_AT)
    return ApiCaller.of(channel_make())


def listed(api: ApiCaller, **query: str) -> list[str]:
    return [item["code"] for item in body_of(api.get(f"{API}/campaigns", query))["items"]]


def test_running_campaign_is_listed(api: ApiCaller) -> None:
    campaign = campaign_live().campaign
    (item,) = body_of(api.get(f"{API}/campaigns"))["items"]
    assert item == {
        "campaign_id": to_public("cmp", campaign.pk),
        "code": campaign.code,
        "title": campaign.title,
        "state": "LIVE",
        "state_text": "进行中",
        "government": True,
        "starts_at": "2026-03-06T00:00:00+08:00",
        "ends_at": "2026-04-01T00:00:00+08:00",
        "regions": [{"code": "450000", "name": "广西壮族自治区"}],
    }


def test_government_money_comes_first_then_the_newest(api: ApiCaller) -> None:
    bank = campaign_live(funders=BANK, starts_at=STARTS_AT + timedelta(hours=2)).campaign
    older = campaign_live().campaign
    newer = campaign_live(starts_at=STARTS_AT + timedelta(hours=1)).campaign
    assert listed(api) == [newer.code, older.code, bank.code]
    pages = []
    cursor = ""
    for _ in range(3):
        query = {"limit": "1"} | ({"cursor": cursor} if cursor else {})
        body = body_of(api.get(f"{API}/campaigns", query))
        pages += [item["code"] for item in body["items"]]
        cursor = body["next_cursor"]
    assert pages == [newer.code, older.code, bank.code]
    assert cursor is None


def test_ended_campaign_leaves_the_list_and_stays_readable(api: ApiCaller) -> None:
    campaign = campaign_running()
    business_time_set(ENDS_AT)
    assert listed(api) == []
    body = body_of(api.get(f"{API}/campaigns/{to_public('cmp', campaign.pk)}"))
    assert body["code"] == campaign.code


def test_region_filter_takes_what_covers_it(api: ApiCaller) -> None:
    province = campaign_live().campaign
    liuzhou = campaign_live(region="450200", regions=["450200"]).campaign
    assert set(listed(api, region="450205")) == {province.code, liuzhou.code}
    assert listed(api, region="450103") == [province.code]
    assert listed(api, region="150100") == []


def test_campaign_of_another_region_is_not_found(api: ApiCaller) -> None:
    campaign = campaign_live(region="450200", regions=["450200"]).campaign
    nanning = ApiCaller.of(channel_make(region="450100"))
    assert listed(nanning) == []
    path = f"{API}/campaigns/{to_public('cmp', campaign.pk)}"
    nanning.refused(nanning.get(path), 404, "access.not_found")


def test_draft_is_not_found(api: ApiCaller) -> None:
    draft = Campaign.objects.create(
        code="draft-only",
        title="草稿",
        owner_region="450000",
        regions=["450000"],
        starts_at=STARTS_AT,
        ends_at=ENDS_AT,
        created_at=STARTS_AT,
    )
    assert listed(api) == []
    path = f"{API}/campaigns/{to_public('cmp', draft.pk)}"
    api.refused(api.get(path), 404, "access.not_found")


def test_approved_campaign_is_not_public_before_it_is_live(api: ApiCaller) -> None:
    campaign = campaign_approved()
    assert listed(api) == []
    path = f"{API}/campaigns/{to_public('cmp', campaign.pk)}"
    api.refused(api.get(path), 404, "access.not_found")


def test_unknown_campaign_is_not_found(api: ApiCaller) -> None:
    for campaign_id in (to_public("cmp", new_id()), "cmp_x", "1"):
        api.refused(api.get(f"{API}/campaigns/{campaign_id}"), 404, "access.not_found")


def test_rules_page_follows_from_the_approved_version(api: ApiCaller) -> None:
    campaign = campaign_running(document_make(rules_text="先到先得。\n每笔支付限用 1 张。"))
    body = body_of(api.get(f"{API}/campaigns/{to_public('cmp', campaign.pk)}"))
    assert body["version"] == 1
    assert body["redemptions_on"] is True
    assert body["funders"] == [
        {"name": "自治区财政", "level": "PROVINCE", "level_text": "自治区/省"},
        {"name": "合作银行", "level": "BANK", "level_text": "银行"},
        {"name": "商户让利", "level": "MERCHANT", "level_text": "商户"},
    ]
    assert body["rules"][:2] == ["先到先得。", "每笔支付限用 1 张。"]
    assert any("满100元减30元" in line and "72小时" in line for line in body["rules"])


def test_draft_of_a_later_version_does_not_show(api: ApiCaller) -> None:
    campaign = campaign_running(document_make(rules_text="第一版。"))
    campaign.draft = document_make(rules_text="第二版。")
    campaign.save(update_fields=["draft"])
    body = body_of(api.get(f"{API}/campaigns/{to_public('cmp', campaign.pk)}"))
    assert body["rules"][0] == "第一版。"


def test_paused_campaign_says_so(api: ApiCaller) -> None:
    campaign = campaign_running()
    campaign_pause(
        campaign_id=campaign.pk,
        reason="系统检修",
        actor=staff_make(Role.CAMPAIGN_MAKER),
        now=BEFORE,
    )
    (item,) = body_of(api.get(f"{API}/campaigns"))["items"]
    assert (item["state"], item["state_text"]) == ("PAUSED", "已暂停")


def test_announced_programme_is_told_with_its_published_figures(api: ApiCaller) -> None:
    announced = [
        {"title": "亿元补贴", "mark": "下期", "figures": [{"label": "总量", "value": "超过1亿元"}]}
    ]
    campaign = campaign_running(document_make(announced=announced))
    body = body_of(api.get(f"{API}/campaigns/{to_public('cmp', campaign.pk)}"))
    assert body["announced"] == announced
