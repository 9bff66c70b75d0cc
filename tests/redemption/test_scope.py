"""Stores, brands and tiers of the merchant pool: where a voucher works, as a till and a map say."""

from typing import Any

import pytest

from core.ids import to_public
from merchants.models import Merchant, Store
from redemption.models import RedemptionStep
from tests.factories.campaigns import BatchPlan
from tests.factories.merchants import brand_make, merchant_make, store_make, terminal_make
from tests.redemption.api_world import PayWorld, pay_world
from tests.redemption.test_api import REDEMPTIONS
from tests.redemption.test_api_quotes import list_replace
from tests.redemption.test_hold_confirm import footprint
from tests.vouchers.api_world import API, body_of
from vouchers.rules.model import UseScope

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_ways")]


def branch(name: str, latitude: str, **merchant: Any) -> Store:
    store = store_make(merchant_make(**merchant), name=name, latitude=latitude)
    terminal_make(store)
    return store


def found(world: PayWorld) -> list[str]:
    batch_id = to_public("bat", world.shop.batch.pk)
    query = {"batch_id": batch_id, "lng": "108.366543", "lat": "22.817002"}
    items = body_of(world.channel.get(f"{API}/stores", query))["items"]
    return [item["name"] for item in items]


def test_a_voucher_of_a_brand_and_tier_works_at_its_stores_alone() -> None:
    use = UseScope(brands=("youwei", "b2"), tiers=("3A", "2A"))
    world = pay_world(batch=BatchPlan(use=use))
    brand = brand_make("有味", code="youwei")
    near = branch("近店", "22.826999", brand=brand, tier="2A")
    far = branch("远店", "22.900000", brand=brand, tier="3A")
    other = branch("低级店", "22.818000", brand=brand, tier="1A")
    list_replace(world, [world.shop.store, near, far, other], number=2)
    assert found(world) == ["近店", "远店"]
    body = world.payment(person_id=world.person_id)
    before = footprint()
    answer = body_of(world.channel.call("POST", f"{REDEMPTIONS}/quote", body=body))
    (refusal,) = answer["unusable"][0]["refusals"]
    assert refusal["code"] == "redemption.store_not_in_scope"
    assert refusal["detail"] == "本店品牌不符、商户分级不符。"
    assert refusal["data"]["reasons"] == ["brand", "tier"]
    assert (refusal["data"]["brand"], refusal["data"]["brands"]) == ("", ["youwei", "b2"])
    assert (refusal["data"]["tier"], refusal["data"]["tiers"]) == ("-", ["3A", "2A"])
    assert refusal["data"]["nearest_store"]["store_no"] == near.store_no
    response = world.till.post(REDEMPTIONS, world.hold(payment_code=world.code_make()))
    world.till.refused(response, 422, "redemption.store_not_in_scope")
    assert footprint() == before
    Merchant.objects.filter(pk=world.shop.store.merchant_id).update(brand=brand, tier="3A")
    body_of(world.till.post(REDEMPTIONS, world.hold(payment_code=world.code_make())), 201)
    detail = RedemptionStep.objects.get().detail
    assert (detail["brand"], detail["tier"]) == ("youwei", "3A")


def test_a_voucher_of_named_stores_works_there_and_only_on_the_list() -> None:
    world = pay_world(batch=BatchPlan(use=UseScope(stores=("4501030000000001", "x2", "x3"))))
    store = branch("指定店", "22.826999")
    Store.objects.filter(pk=store.pk).update(store_no="x2")
    assert found(world) == [], "a store that is named still has to be on the list"
    list_replace(world, [world.shop.store, store], number=2)
    assert found(world) == ["指定店"]
    body = world.payment(person_id=world.person_id)
    answer = body_of(world.channel.call("POST", f"{REDEMPTIONS}/quote", body=body))
    (refusal,) = answer["unusable"][0]["refusals"]
    assert refusal["detail"] == "本店不是指定门店。"
    assert refusal["remedy"].startswith("最近的可用门店：指定店")
    assert refusal["data"]["stores"] == ["4501030000000001", "x2", "x3"]
    assert refusal["data"]["store_no"] == world.shop.store.store_no
