"""GET /vouchers and /stores: the wallet, one voucher's history, where it can be used."""

from datetime import timedelta
from typing import Any

import pytest

from core.ids import new_id, to_public
from tests.factories.campaigns import OPENED_AT, BatchPlan, campaign_live
from tests.factories.merchants import (
    LIUBEI,
    QINGXIU,
    merchant_make,
    store_make,
    terminal_make,
)
from tests.factories.persons import enrolment_make
from tests.support.api import ApiCaller
from tests.support.moments import business_time_set
from tests.vouchers.api_world import API, World, body_of, channel_make, world_make
from vouchers.models import Voucher
from vouchers.rules.model import UseScope

pytestmark = pytest.mark.django_db
END = OPENED_AT + timedelta(hours=72)


def claimed(world: World) -> dict[str, Any]:
    body = body_of(world.api.post(f"{API}/claims", world.claim_body()), 201)
    voucher: dict[str, Any] = body["vouchers"][0]
    return voucher


def wallet(world: World, **query: str) -> list[dict[str, Any]]:
    body = body_of(world.api.get(f"{API}/vouchers", {"person_id": world.person_id, **query}))
    items: list[dict[str, Any]] = body["items"]
    return items


def test_wallet_shows_what_was_issued() -> None:
    world = world_make()
    issued = claimed(world)
    (item,) = wallet(world)
    assert {name: item[name] for name in issued} == issued
    assert item["name"] == "满100减30"
    assert item["benefit"] == "满100元减30元，按订单金额计算"
    assert (item["state"], item["state_text"]) == ("ACTIVE", "可使用")
    assert item["threshold_fen"] == 10_000
    assert item["campaign_id"] == to_public("cmp", world.live.campaign.pk)


def test_valid_until_decides_about_expiry_to_the_second() -> None:
    world = world_make()
    claimed(world)
    business_time_set(END - timedelta(seconds=1))
    assert [item["state"] for item in wallet(world)] == ["ACTIVE"]
    assert wallet(world, state="EXPIRED") == []
    business_time_set(END)
    assert [item["state"] for item in wallet(world)] == ["EXPIRED"]
    assert [item["state"] for item in wallet(world, state="EXPIRED")] == ["EXPIRED"]
    assert wallet(world, state="ACTIVE") == []
    assert Voucher.objects.get().state == "ACTIVE"


def test_wallet_of_another_client_is_not_found() -> None:
    world = world_make()
    voucher = claimed(world)
    stranger = ApiCaller.of(channel_make())
    query = {"person_id": world.person_id}
    stranger.refused(stranger.get(f"{API}/vouchers", query), 404, "access.not_found")
    path = f"{API}/vouchers/{voucher['voucher_id']}"
    stranger.refused(stranger.get(path), 404, "access.not_found")


def test_wallet_of_another_person_is_empty() -> None:
    world = world_make()
    claimed(world)
    other = to_public("per", enrolment_make(world.client).pk)
    assert wallet(world, person_id=other) == []


def test_voucher_tells_rules_and_history() -> None:
    world = world_make()
    voucher = claimed(world)
    body = body_of(world.api.get(f"{API}/vouchers/{voucher['voucher_id']}"))
    assert body["rules"][1] == "领取后72小时内有效，且不晚于活动结束时间"
    assert body["history"] == [
        {
            "kind": "CLAIM",
            "text": "领取",
            "at": "2026-03-06T08:00:00+08:00",
            "amount_fen": 3_000,
            "reference": "",
            "place": "",
        }
    ]
    business_time_set(END)
    body = body_of(world.api.get(f"{API}/vouchers/{voucher['voucher_id']}"))
    assert [event["kind"] for event in body["history"]] == ["CLAIM", "EXPIRE"]
    assert body["state"] == "EXPIRED"


@pytest.mark.parametrize(
    "voucher_id",
    ["vch_", "vch_0", "clm_" + "0" * 26, to_public("vch", new_id()), "x" * 300],
    # An id of its own each time would give every test process another name.
    ids=["empty", "short", "other prefix", "unknown", "long"],
)
def test_what_is_no_voucher_is_not_found(voucher_id: str) -> None:
    world = world_make()
    world.api.refused(world.api.get(f"{API}/vouchers/{voucher_id}"), 404, "access.not_found")


def test_wallet_needs_a_person() -> None:
    world = world_make()
    problem = world.api.refused(world.api.get(f"{API}/vouchers"), 400, "request.invalid_parameter")
    assert [param["name"] for param in problem["invalid_params"]] == ["person_id"]


def stores(api: ApiCaller, **query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = body_of(api.get(f"{API}/stores", query))["items"]
    return items


def test_stores_of_a_batch_are_listed_open_and_inside() -> None:
    near, far = store_make(), store_make(region=LIUBEI, longitude="109.41", latitude="24.33")
    unlisted, closed, untested = store_make(), store_make(is_active=False), store_make()
    for store in (near, far, unlisted, closed):
        terminal_make(store)
    terminal_make(untested, tested=False)
    live = campaign_live(stores=[near, far, closed, untested])
    world = world_make(live)
    found = stores(world.api, batch_id=world.batch_id)
    assert {one["store_no"] for one in found} == {near.store_no, far.store_no}
    everywhere = {one["store_no"] for one in stores(world.api)}
    assert everywhere == {near.store_no, far.store_no, unlisted.store_no}


def test_regions_and_industries_of_the_rules_hold() -> None:
    inside, outside = store_make(region=QINGXIU), store_make(region=LIUBEI)
    hotel = store_make(merchant_make(industry="LODGING", mcc="7011"), region=QINGXIU)
    for store in (inside, outside, hotel):
        terminal_make(store)
    use = UseScope(whitelist=False, regions=("450100",), industries=("CATERING",))
    world = world_make(campaign_live(batches=[BatchPlan(use=use)]))
    found = stores(world.api, batch_id=world.batch_id)
    assert [one["store_no"] for one in found] == [inside.store_no]
    assert found[0]["region_name"] == "青秀区"
    assert found[0]["industry_text"] == "餐饮"


def test_nearest_comes_first_with_its_distance() -> None:
    one = store_make(longitude="108.366543", latitude="22.817002")
    two = store_make(longitude="108.376543", latitude="22.817002")
    gone = store_make(longitude="109.41", latitude="24.33")
    for store in (two, one, gone):
        terminal_make(store)
    world = world_make()
    found = stores(world.api, lng="108.366543", lat="22.817002")
    assert [item["store_no"] for item in found] == [one.store_no, two.store_no]
    assert found[0]["distance_m"] == 0
    assert 1_015 <= found[1]["distance_m"] <= 1_035
    page = body_of(
        world.api.get(f"{API}/stores", {"lng": "108.366543", "lat": "22.817002", "limit": "1"})
    )
    query = {"lng": "108.366543", "lat": "22.817002", "cursor": page["next_cursor"]}
    following = body_of(world.api.get(f"{API}/stores", query))
    assert [item["store_no"] for item in following["items"]] == [two.store_no]


def test_text_finds_store_merchant_and_address() -> None:
    named = store_make(name="老友粉馆")
    other = store_make(merchant_make(name="南宁百货大楼"))
    for store in (named, other):
        terminal_make(store)
    world = world_make()
    assert [item["store_no"] for item in stores(world.api, q="老友")] == [named.store_no]
    assert [item["store_no"] for item in stores(world.api, q="百货")] == [other.store_no]
    assert stores(world.api, q="%") == []


def test_stores_of_an_unknown_batch_are_not_found() -> None:
    world = world_make()
    response = world.api.get(f"{API}/stores", {"batch_id": to_public("bat", new_id())})
    world.api.refused(response, 404, "access.not_found")


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"lng": "108"}, "lat"),
        ({"lng": "nan", "lat": "22"}, "lng"),
        ({"lng": "181", "lat": "22"}, "lng"),
        ({"lng": "108", "lat": "1e99"}, "lat"),
        ({"q": "a\u0000b"}, "q"),
        ({"q": "x" * 61}, "q"),
    ],
)
def test_wrong_query_is_named(query: dict[str, str], name: str) -> None:
    world = world_make()
    response = world.api.get(f"{API}/stores", query)
    problem = world.api.refused(response, 400, "request.invalid_parameter")
    assert {param["name"] for param in problem["invalid_params"]} == {name}
