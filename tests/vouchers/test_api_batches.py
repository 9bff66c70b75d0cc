"""GET /batches: what can be claimed now and next, and why a person cannot."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import Funder, Funding
from core.ids import to_public
from tests.factories.campaigns import (
    ENDS_AT,
    FUNDERS,
    OPENED_AT,
    BatchPlan,
    FunderPlan,
    campaign_live,
)
from tests.factories.persons import enrolment_make, key_of
from tests.support.api import ApiCaller
from tests.support.moments import business_time_set
from tests.vouchers.api_world import API, body_of, channel_make, world_make
from vouchers.models import Batch, QuotaRelease, QuotaSlice

pytestmark = pytest.mark.django_db
TOMORROW = OPENED_AT + timedelta(days=1)


def test_open_batch_says_what_it_is() -> None:
    world = world_make()
    body = body_of(world.api.get(f"{API}/batches"))
    assert body["next_cursor"] is None
    (item,) = body["items"]
    assert item == {
        "batch_id": world.batch_id,
        "campaign_id": to_public("cmp", world.live.campaign.pk),
        "name": "满100减30",
        "kind": "THRESHOLD",
        "kind_text": "满减券",
        "face_fen": 3_000,
        "threshold_fen": 10_000,
        "benefit": "满100元减30元，按订单金额计算",
        "rules": [
            "满100元减30元，按订单金额计算",
            "领取后72小时内有效，且不晚于活动结束时间",
            "须完成实名认证后领取",
            "每人每日限领1张（本活动各券合计，同一证件、手机号、设备合并计算）",
            "仅限参与活动的商户使用",
            "每笔支付限用1张",
            "有效期内全额退款的，消费券退回原账户且有效期不变；有效期外全额退款的，"
            "消费券金额退回资金池；部分退款按比例退还，消费券视为已使用",
        ],
        "state": "OPEN",
        "state_text": "可领取",
        "remaining": "PLENTY",
        "remaining_text": "充足",
        "next_release_at": None,
        "claimable": None,
        "refusals": None,
    }


@pytest.mark.parametrize(
    ("issued", "remaining"),
    [(0, "PLENTY"), (70, "PLENTY"), (71, "LOW"), (95, "LOW"), (96, "FEW"), (100, "NONE")],
)
def test_remaining_is_a_bucket(issued: int, remaining: str) -> None:
    world = world_make()
    QuotaSlice.objects.update(issued=issued)
    (item,) = body_of(world.api.get(f"{API}/batches"))["items"]
    assert item["remaining"] == remaining
    assert item["state"] == ("SOLD_OUT" if remaining == "NONE" else "OPEN")
    assert str(100 - issued) not in str({k: v for k, v in item.items() if k == "remaining_text"})


def test_next_wave_is_told_when_sold_out() -> None:
    world = world_make(campaign_live(batches=[BatchPlan(units=100, open_units=50)]))
    QuotaRelease.objects.create(
        batch=world.live.batch, slot=TOMORROW, planned_units=50, owner_region="450000"
    )
    QuotaSlice.objects.update(issued=50)
    query = {"person_id": world.person_id}
    (item,) = body_of(world.api.get(f"{API}/batches", query))["items"]
    assert (item["state"], item["claimable"]) == ("SOLD_OUT", False)
    assert item["next_release_at"] == "2026-03-07T08:00:00+08:00"
    assert [one["code"] for one in item["refusals"]] == ["claim.sold_out"]
    assert item["refusals"][0]["data"] == {"next_release_at": "2026-03-07T08:00:00+08:00"}


def test_before_the_first_wave() -> None:
    world = world_make(now=OPENED_AT - timedelta(hours=1))
    (item,) = body_of(world.api.get(f"{API}/batches"))["items"]
    assert (item["state"], item["remaining"]) == ("NOT_STARTED", "NONE")
    assert item["next_release_at"] == "2026-03-06T08:00:00+08:00"


def test_person_who_claimed_today_sees_why_and_tomorrow_may_again() -> None:
    world = world_make()
    query = {"person_id": world.person_id}
    (item,) = body_of(world.api.get(f"{API}/batches", query))["items"]
    assert (item["claimable"], item["refusals"]) == (True, [])
    world.api.post(f"{API}/claims", world.claim_body())
    (item,) = body_of(world.api.get(f"{API}/batches", query))["items"]
    assert item["claimable"] is False
    assert [one["code"] for one in item["refusals"]] == ["claim.person_limit"]
    assert item["refusals"][0]["data"] == {"window": "DAY", "limit": 1, "used": 1}
    business_time_set(TOMORROW)
    (item,) = body_of(world.api.get(f"{API}/batches", query))["items"]
    assert item["claimable"] is True


def test_used_mobile_is_named_by_kind() -> None:
    world = world_make()
    other = enrolment_make(world.client, shared=[key_of(world.person, "MOBILE")])
    world.api.post(f"{API}/claims", world.claim_body())
    query = {"person_id": to_public("per", other.pk)}
    (item,) = body_of(world.api.get(f"{API}/batches", query))["items"]
    (refusal,) = item["refusals"]
    assert refusal["code"] == "claim.same_person_other_account"
    assert refusal["data"]["kind"] == "MOBILE"


def test_unverified_person_is_told() -> None:
    world = world_make()
    person = enrolment_make(world.client, kinds=("MOBILE",), level="NONE")
    query = {"person_id": to_public("per", person.pk)}
    (item,) = body_of(world.api.get(f"{API}/batches", query))["items"]
    assert [one["code"] for one in item["refusals"]] == ["claim.realname_required"]


def test_another_clients_person_is_not_found() -> None:
    world = world_make()
    foreign = to_public("per", enrolment_make(channel_make()).pk)
    response = world.api.get(f"{API}/batches", {"person_id": foreign})
    world.api.refused(response, 404, "access.not_found")


def test_paused_batch_is_shown_as_paused() -> None:
    world = world_make(campaign_live(state="PAUSED"))
    (item,) = body_of(world.api.get(f"{API}/batches"))["items"]
    assert item["state"] == "PAUSED"


def test_ended_campaign_offers_nothing() -> None:
    world = world_make(now=ENDS_AT)
    assert body_of(world.api.get(f"{API}/batches"))["items"] == []


def test_government_comes_first_and_pages_are_stable_under_inserts() -> None:
    bank = (FunderPlan("银行", 1, Funding.Mode.OPERATOR_ADVANCE, Funder.Level.BANK),)
    world = world_make(campaign_live(funders=bank, batches=[BatchPlan(), BatchPlan()]))
    government = campaign_live(funders=FUNDERS, batches=[BatchPlan(), BatchPlan()])
    wanted = [to_public("bat", one.pk) for one in (*government.batches, *world.live.batches)]
    seen: list[str] = []
    cursor = ""
    while True:
        query = {"limit": "1"} | ({"cursor": cursor} if cursor else {})
        page = body_of(world.api.get(f"{API}/batches", query))
        seen += [item["batch_id"] for item in page["items"]]
        if len(seen) == 2:
            campaign_live(funders=FUNDERS)
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [one for one in seen if one in wanted] == wanted
    assert len(seen) == len(set(seen))


def test_region_and_campaign_filter() -> None:
    world = world_make()
    liuzhou = campaign_live(region="450200", regions=["450200"])
    by_region = body_of(world.api.get(f"{API}/batches", {"region": "450103"}))
    assert [item["batch_id"] for item in by_region["items"]] == [world.batch_id]
    campaign = to_public("cmp", liuzhou.campaign.pk)
    by_campaign = body_of(world.api.get(f"{API}/batches", {"campaign": campaign}))
    assert [item["campaign_id"] for item in by_campaign["items"]] == [campaign]


def test_client_sees_only_campaigns_that_touch_its_region() -> None:
    world = world_make(campaign_live(region="450200", regions=["450200"]))
    assert len(body_of(world.api.get(f"{API}/batches"))["items"]) == 1
    nanning = ApiCaller.of(channel_make(region="450100"))
    assert body_of(nanning.get(f"{API}/batches"))["items"] == []


def test_queries_do_not_grow_with_the_list() -> None:
    world = world_make(campaign_live(batches=[BatchPlan()] * 2))
    query = {"person_id": world.person_id}

    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            body_of(world.api.get(f"{API}/batches", query))
        # The clock and the credentials are kept for a moment by each process.
        return sum("voucher" in one["sql"] or "campaign" in one["sql"] for one in captured)

    before = count()
    campaign_live(batches=[BatchPlan()] * 6)
    assert Batch.objects.count() == 8
    assert count() == before


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"limit": "1.5"}, "limit"),
        ({"cursor": "garbage"}, "cursor"),
        ({"cursor": "WzEsMiwzLDQsNV0"}, "cursor"),
        ({"region": "45"}, "region"),
        ({"region": "45\u00000000"}, "region"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_query_is_named(query: dict[str, str], name: str) -> None:
    world = world_make()
    response = world.api.get(f"{API}/batches", query)
    problem = world.api.refused(response, 400, "request.invalid_parameter")
    assert {param["name"] for param in problem["invalid_params"]} == {name}
