"""Quotes and the refusals that explain themselves, through the signed API both ways in."""

import pytest

from campaigns.models import Whitelist
from merchants.models import Store
from tests.factories.campaigns import BatchPlan, whitelist_make
from tests.factories.merchants import merchant_make, store_make, terminal_make
from tests.factories.redemption import AT
from tests.redemption.api_world import PayWorld, pay_world
from tests.redemption.test_api import REDEMPTIONS
from tests.redemption.test_hold_confirm import footprint
from tests.support.moments import business_time_set
from tests.vouchers.api_world import body_of
from vouchers.rules.model import UseHours, UseScope

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_ways")]


def test_a_quote_ranks_and_explains_and_changes_nothing() -> None:
    world = pay_world(batch=BatchPlan(use=UseScope(flows=("MERCHANT_SCANS",), card_bins=("62",))))
    before = footprint()
    body = world.payment(person_id=world.person_id, card_bin="622848")
    answer = body_of(world.channel.call("POST", f"{REDEMPTIONS}/quote", body=body))
    assert (answer["payable_fen"], answer["unusable"]) == (7_000, [])
    assert answer["usable"][0]["subsidy_fen"] == 3_000
    assert answer["usable"][0]["refund_policy"] == "PRO_RATA_KEEP_USED"
    body |= {"order_fen": 9_950, "card_bin": "411111"}
    answer = body_of(world.channel.call("POST", f"{REDEMPTIONS}/quote", body=body))
    assert (answer["payable_fen"], answer["usable"]) == (9_950, [])
    refusals = answer["unusable"][0]["refusals"]
    assert [one["code"] for one in refusals] == [
        "redemption.card_not_allowed",
        "redemption.below_threshold",
    ]
    assert refusals[1]["remedy"] == "再买 0.50 元即可使用。"
    assert refusals[1]["data"]["shortfall_fen"] == 50
    assert footprint() == before


def test_a_quote_names_the_nearest_store_that_takes_the_voucher() -> None:
    """The voucher is for lodging; of two hotels on the list the nearer one is told."""
    world = pay_world(batch=BatchPlan(use=UseScope(industries=("LODGING",))))
    near, far, unlisted = (
        store_make(merchant_make(industry="LODGING"), name=name, latitude=latitude)
        for name, latitude in (
            ("近店", "22.826999"),
            ("远店", "22.900000"),
            ("名单外", "22.817003"),
        )
    )
    for store in (near, far, unlisted):
        terminal_make(store)
    list_replace(world, [world.shop.store, near, far], number=2)
    body = world.payment(person_id=world.person_id)
    answer = body_of(world.channel.call("POST", f"{REDEMPTIONS}/quote", body=body))
    (refusal,) = answer["unusable"][0]["refusals"]
    assert refusal["code"] == "redemption.store_not_in_scope"
    assert refusal["detail"] == "本店行业不符。"
    told = refusal["data"]["nearest_store"]
    assert (told["store_no"], told["name"], told["distance_m"]) == (near.store_no, "近店", 1_112)
    assert refusal["remedy"] == "最近的可用门店：近店（测试路1号，约1.1公里）。"
    list_replace(world, [world.shop.store], number=3)
    answer = body_of(world.channel.call("POST", f"{REDEMPTIONS}/quote", body=body))
    (refusal,) = answer["unusable"][0]["refusals"]
    assert "nearest_store" not in refusal["data"]
    assert refusal["remedy"] == "请在适用门店列表中选择门店。"


def list_replace(world: PayWorld, stores: list[Store], *, number: int) -> None:
    """Put another list of stores in force."""
    campaign = world.shop.live.campaign
    Whitelist.objects.filter(campaign=campaign, state=Whitelist.State.IN_FORCE).update(
        state=Whitelist.State.SUPERSEDED
    )
    whitelist_make(campaign, stores, number=number)


def test_items_that_a_voucher_excludes_are_named() -> None:
    world = pay_world(batch=BatchPlan(use=UseScope(excluded_goods=("TOBACCO",))))
    code = world.code_make()
    items = [
        {"kind": "TOBACCO", "amount_fen": 3_000},
        {"kind": "OTHER", "amount_fen": 1_000},
        {"kind": "TOBACCO", "amount_fen": 500},
    ]
    before = footprint()
    response = world.till.post(REDEMPTIONS, world.hold(payment_code=code, items=items))
    problem = world.till.refused(response, 422, "redemption.item_not_eligible")
    assert problem["data"]["excluded_fen"] == 3_500
    assert problem["data"]["goods"] == ["TOBACCO"]
    assert problem["detail"] == "扣除不适用商品 35.00 元后金额不足。"
    assert problem["remedy"] == "再买 35.00 元适用商品即可使用。"
    too_much = [{"kind": "OTHER", "amount_fen": 10_001}]
    response = world.till.post(REDEMPTIONS, world.hold(payment_code=code, items=too_much))
    world.till.refused(response, 400, "request.invalid_parameter")
    assert footprint() == before
    order = world.hold(payment_code=code, items=items) | {"order_fen": 13_500}
    body_of(world.till.post(REDEMPTIONS, order), 201)


def test_outside_its_hours_a_voucher_says_when_it_can_be_used() -> None:
    """A Friday, 10:00; the voucher is for the evenings of Friday and Saturday, and for nights."""
    hours = (
        UseHours(opens="18:00", closes="24:00", weekdays=(5, 6)),
        UseHours(opens="23:00", closes="02:00"),
    )
    world = pay_world(batch=BatchPlan(use=UseScope(hours=hours)))
    code = world.code_make()
    before = footprint()
    response = world.till.post(REDEMPTIONS, world.hold(payment_code=code))
    problem = world.till.refused(response, 409, "voucher.outside_use_hours")
    assert problem["detail"] == "可用时段：周五、周六 18:00–24:00、每日 23:00–次日02:00。"
    assert problem["remedy"] == "2026年3月6日 18:00:00 起可用。"
    assert problem["data"]["opens_at"] == "2026-03-06T18:00:00+08:00"
    assert problem["data"]["hours"] == [
        {"opens": "18:00", "closes": "24:00", "weekdays": [5, 6]},
        {"opens": "23:00", "closes": "02:00", "weekdays": []},
    ]
    assert footprint() == before
    business_time_set(AT.replace(hour=18))
    later = world.hold(payment_code=world.code_make())
    body_of(world.till.post(REDEMPTIONS, later), 201)


def test_an_empty_wallet_is_an_answer() -> None:
    world = pay_world()
    world.voucher.state = "VOIDED"
    world.voucher.save(update_fields=["state"])
    body = world.payment(person_id=world.person_id)
    answer = body_of(world.channel.call("POST", f"{REDEMPTIONS}/quote", body=body))
    assert (answer["usable"], answer["unusable"], answer["payable_fen"]) == ([], [], 10_000)
