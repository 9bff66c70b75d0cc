"""Vouchers for certain goods: what of an order counts, to the fen, as a cashier meets it."""

from typing import Any

import pytest

from core.money import MAX_FEN
from redemption.models import RedemptionStep
from redemption.rules.items import Item, items_merged, uncounted_fen
from tests.factories.campaigns import BatchPlan
from tests.invariants.helpers import checks_failing
from tests.redemption.api_world import PayWorld, pay_world
from tests.redemption.test_api import PAID, REDEMPTIONS
from tests.redemption.test_hold_confirm import FREE, TWICE, footprint
from tests.vouchers.api_world import body_of
from vouchers.rules.benefit_model import PercentageBenefit
from vouchers.rules.model import ItemRule, UseScope

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_ways")]
RICE, OIL = "6901234567892", "OIL"
GROCERIES = UseScope(
    items=(ItemRule(sku=RICE, name="五常大米"), ItemRule(category=OIL, name="食用油")),
    excluded_items=(ItemRule(sku="GIFT-OIL", name="赠品油"),),
)


def line(amount_fen: int, **codes: Any) -> dict[str, Any]:
    return {"amount_fen": amount_fen, **codes}


def quoted(world: PayWorld, items: list[dict[str, Any]], **payment: Any) -> dict[str, Any]:
    body = world.payment(person_id=world.person_id, items=items, **payment)
    answer: dict[str, Any] = body_of(world.channel.call("POST", f"{REDEMPTIONS}/quote", body=body))
    return answer


def test_only_eligible_goods_reach_the_threshold() -> None:
    """满100减30 for rice and oil: 200.00 of the order are worth what of them is rice and oil."""
    world = pay_world(batch=BatchPlan(use=GROCERIES))
    items = [
        line(6_000, sku=RICE, quantity=2, name="五常大米5kg"),
        line(3_999, sku="OIL-1", category=OIL),
        line(5_000, sku="GIFT-OIL", category=OIL),
        line(5_001, sku="BEER"),
    ]
    before = footprint()
    answer = quoted(world, items, order_fen=20_000)
    unfit, short = answer["unusable"][0]["refusals"]
    assert unfit["code"] == "redemption.item_not_eligible"
    assert unfit["detail"] == "本券适用商品为五常大米、食用油，订单中适用商品 99.99 元。"
    assert unfit["remedy"] == "再买 0.01 元适用商品即可使用。"
    assert unfit["data"]["goods"] == ["BEER", "GIFT-OIL"]
    assert (unfit["data"]["eligible_fen"], unfit["data"]["excluded_fen"]) == (9_999, 10_001)
    assert unfit["data"]["items"][0] == {"name": "五常大米", "sku": RICE, "category": ""}
    assert short["remedy"] == "再买 0.01 元适用商品（五常大米、食用油）即可使用。"
    body = world.hold(payment_code=world.code_make(), items=items) | {"order_fen": 20_000}
    problem = world.till.refused(
        world.till.post(REDEMPTIONS, body), 422, "redemption.item_not_eligible"
    )
    assert problem["data"]["missing_fen"] == 1
    assert footprint() == before
    # The same rice scanned once more, as a line of its own.
    items = [*items, line(1, sku=RICE)]
    body = world.hold(payment_code=world.code_make(), items=items) | {"order_fen": 20_001}
    held = body_of(world.till.post(REDEMPTIONS, body), 201)
    assert (held["subsidy_fen"], held["payable_fen"]) == (3_000, 17_001)
    assert RedemptionStep.objects.get().detail["items"] == [
        {"sku": RICE, "name": "五常大米5kg", "quantity": 3, "amount_fen": 6_001},
        {"sku": "BEER", "quantity": 1, "amount_fen": 5_001},
        {"sku": "GIFT-OIL", "category": OIL, "quantity": 1, "amount_fen": 5_000},
        {"sku": "OIL-1", "category": OIL, "quantity": 1, "amount_fen": 3_999},
    ]
    path = f"{REDEMPTIONS}/{held['redemption_id']}/confirm"
    body_of(world.till.post(path, {**PAID, "paid_fen": 17_001}))
    assert checks_failing() == {}


def test_a_percentage_is_of_the_eligible_goods() -> None:
    plan = BatchPlan(
        benefit=PercentageBenefit(rate_bp=2_000), use=GROCERIES, limits=(TWICE,), rules=FREE
    )
    world = pay_world(batch=plan)
    items = [line(4_003, sku=RICE), line(5_997, category="BEER")]
    answer = quoted(world, items)
    assert answer["usable"][0]["subsidy_fen"] == 801, "20 % of 40.03 is 8.006"
    assert quoted(world, [line(10_000, kind="OTHER")])["usable"] == []
    assert quoted(world, [])["usable"] == []
    # The shop's offer of 10.00 is taken off what counts.
    answer = quoted(world, items, other_discount_fen=1_000)
    assert answer["usable"][0]["subsidy_fen"] == 601


def test_a_voucher_that_asks_for_no_goods_keeps_none() -> None:
    world = pay_world()
    body = world.hold(payment_code=world.code_make(), items=[line(5_000, sku=RICE)])
    body_of(world.till.post(REDEMPTIONS, body), 201)
    assert RedemptionStep.objects.get().detail == {}


BAD = (
    ([line(-1, sku=RICE)], "items.0.amount_fen", 1),
    ([line(0, sku=RICE)], "items.0.amount_fen", 1),
    ([line(2**63, sku=RICE)], "items.0.amount_fen", MAX_FEN),
    ([line(1.5, sku=RICE)], "items.0.amount_fen", None),  # type: ignore[arg-type]
    ([line(1, sku=RICE, quantity=0)], "items.0.quantity", 1),
    ([line(1, sku=RICE, quantity=2**63)], "items.0.quantity", 99_999),
    ([line(1, sku="大米")], "items.0.sku", "[0-9A-Za-z._-]{1,40}"),
    ([line(1, sku="６９０１")], "items.0.sku", "[0-9A-Za-z._-]{1,40}"),
    ([line(1, sku="a" * 41)], "items.0.sku", "[0-9A-Za-z._-]{1,40}"),
    ([line(1, sku=RICE, name="x" * 101)], "items.0.name", None),
    ([line(1, name="米")], "items.0.sku", None),
    ([line(1, category="FUEL", kind="FUEL")], "items.0.kind", None),
    ([line(1, sku=RICE, price=1)], "items.0.price", None),
    ([line(6_000, sku=RICE), line(4_001, sku=RICE)], "items", None),
    ([line(MAX_FEN, sku=RICE)] * 100, "items", None),
    ([line(1, sku=f"s{n}") for n in range(101)], "items", 100),
    ([line(1, sku=f"s{n}") for n in range(1_000)], "items", 100),
    ({"sku": RICE, "amount_fen": 1}, "items", None),
)


def test_bad_items_are_told_by_name_and_limit() -> None:
    world = pay_world(batch=BatchPlan(use=GROCERIES))
    before = footprint()
    for items, name, limit in BAD:
        body = world.payment(person_id=world.person_id, items=items)
        response = world.channel.call("POST", f"{REDEMPTIONS}/quote", body=body)
        problem = world.channel.refused(response, 400, "request.invalid_parameter")
        (param,) = problem["invalid_params"]
        assert (param["name"], param.get("limit")) == (name, limit), items
    body = world.payment(person_id=world.person_id, items=[line(1, sku="s")] * 100_000)
    response = world.channel.call("POST", f"{REDEMPTIONS}/quote", body=body)
    world.channel.refused(response, 413, "request.too_large")
    assert footprint() == before


def test_what_is_excluded_stays_so_and_what_is_not_named_does_not_count() -> None:
    items = items_merged(
        [
            Item(100, sku="GIFT-OIL", category=OIL),
            Item(200, category=OIL),
            Item(300, category=OIL, quantity=2),
            Item(400),
        ]
    )
    assert items == (
        Item(500, category=OIL, quantity=3),
        Item(100, sku="GIFT-OIL", category=OIL),
    )
    assert uncounted_fen(GROCERIES, 2_000, items) == 1_500
    only_excluded = UseScope(excluded_items=GROCERIES.excluded_items, excluded_goods=("FUEL",))
    assert uncounted_fen(only_excluded, 2_000, (*items, Item(7, category="FUEL"))) == 107
    assert uncounted_fen(UseScope(), 2_000, items) == 0
