"""Exchange vouchers (兑换券): one item, paid for up to the face, from definition to refund."""

from dataclasses import dataclass
from typing import Any

import pytest

from campaigns.definition.document import definition_build
from campaigns.services.drafts import campaign_draft_save
from redemption.models import Earmark, Redemption
from tests.factories.campaigns import BatchPlan
from tests.factories.running import BEFORE
from tests.invariants.helpers import checks_failing
from tests.redemption.api_world import PayWorld, pay_world
from tests.redemption.test_api import PAID, REDEMPTIONS
from tests.redemption.test_hold_confirm import FREE, TWICE, balance, footprint
from tests.vouchers.api_world import body_of
from tests.vouchers.test_draft_editor import edit_url, form_data, login, saved
from tests.vouchers.test_scope import USE, document_of, goods, wrong
from vouchers.rules.benefit_model import ExchangeBenefit

pytestmark = pytest.mark.django_db
RICE = "6901234567892"
BENEFIT = {"type": "EXCHANGE", "sku": RICE, "name": "五常大米5kg", "quantity": 1}


@dataclass(frozen=True)
class Sale:
    """An order with one line of rice: what the voucher takes off and the payer pays, in fen."""

    rice_fen: int
    subsidy: int
    payable: int
    pieces: int = 1
    order: int = 0
    discount: int = 0
    bank: int = 0
    """Of the discount."""

    def fields(self) -> dict[str, Any]:
        items = [{"sku": RICE, "quantity": self.pieces, "amount_fen": self.rice_fen}]
        return {
            "items": items,
            "order_fen": self.order or self.rice_fen,
            "other_discount_fen": self.discount,
            "bank_discount_fen": self.bank,
        }


SALES = (
    Sale(3_000, 3_000, 0),  # the face to the fen: nothing is due
    Sale(2_480, 2_480, 0),  # cheaper: 5.20 of the face is kept
    Sale(3_290, 3_000, 290),  # dearer: the payer pays the excess
    Sale(2_480, 2_480, 7_520, order=10_000),
    Sale(5_000, 1_666, 3_334, pieces=3),  # one of three: 16.666
    Sale(2, 1, 1, pieces=3),  # never less than a fen
    Sale(3_000, 2_000, 0, discount=1_000),  # nobody pays what an offer has taken off
    Sale(3_000, 2_700, 6_300, order=10_000, discount=1_000),  # the shop's 10 % off all
    Sale(2_480, 2_287, 6_935, order=9_999, discount=777),  # its share is 192.71…
    Sale(5, 4, 5, order=10, discount=1),  # half a fen is a fen
    Sale(3_290, 3_000, 90, discount=200),  # still dearer than the face
    Sale(5_000, 1_499, 3_001, pieces=3, discount=500),  # 16.66 less 1.666
    Sale(3_000, 3_000, 6_000, order=10_000, discount=1_000, bank=1_000),  # after the voucher
    Sale(3_000, 2_820, 6_180, order=10_000, discount=1_000, bank=400),
    Sale(3_000, 2_000, 0, discount=1_000, bank=1_000),  # all the payer has left
)


def world_make(quantity: int = 1) -> PayWorld:
    benefit = ExchangeBenefit(sku=RICE, name="五常大米5kg", quantity=quantity)
    return pay_world(batch=BatchPlan(benefit=benefit, limits=(TWICE,), rules=FREE))


@pytest.mark.usefixtures("both_ways")
def test_the_item_is_worth_its_price_up_to_the_face() -> None:
    world = world_make()
    for sale in SALES:
        body = world.payment(person_id=world.person_id) | sale.fields()
        answer = body_of(world.channel.call("POST", f"{REDEMPTIONS}/quote", body=body))
        (usable,) = answer["usable"]
        assert (usable["subsidy_fen"], usable["payable_fen"]) == (sale.subsidy, sale.payable), sale
    assert (
        usable["benefit"]
        == "兑换五常大米5kg 1 件，按商户优惠后的商品价格抵扣，最高减30元，超出部分自付"
    )


@pytest.mark.usefixtures("both_ways")
def test_an_item_that_the_shop_gives_away_is_not_paid_for() -> None:
    """Of a fen the shop takes half off: nothing is left of the item until the order is larger."""
    world = world_make()
    sale = Sale(1, 0, 0, order=1_000, discount=500)
    before = footprint()
    body = world.hold(payment_code=world.code_make()) | sale.fields()
    problem = world.till.refused(
        world.till.post(REDEMPTIONS, body), 422, "redemption.below_threshold"
    )
    (refusal,) = problem["data"]["refusals"]
    assert refusal["data"] == {
        "shortfall_fen": 1,
        "basis": "PAYABLE",
        "basis_fen": 500,
        "threshold_fen": 501,
    }
    assert footprint() == before
    body = world.hold(payment_code=world.code_make()) | sale.fields() | {"order_fen": 1_001}
    held = body_of(world.till.post(REDEMPTIONS, body), 201)
    assert (held["subsidy_fen"], held["payable_fen"]) == (1, 500)
    assert checks_failing() == {}


@pytest.mark.usefixtures("both_ways")
def test_nothing_due_is_confirmed_and_refunded_whole() -> None:
    """The rest of the face is kept, and comes back with the voucher."""
    world = world_make()
    body = world.hold(payment_code=world.code_make()) | SALES[1].fields()
    held = body_of(world.till.post(REDEMPTIONS, body), 201)
    assert (held["subsidy_fen"], held["payable_fen"]) == (2_480, 0)
    path = f"{REDEMPTIONS}/{held['redemption_id']}"
    problem = world.till.refused(
        world.till.post(f"{path}/confirm", {**PAID, "paid_fen": 1}),
        422,
        "redemption.amount_mismatch",
    )
    assert problem["data"] == {"payable_fen": 0, "paid_fen": 1} | problem["data"]
    body_of(world.till.post(f"{path}/confirm", {**PAID, "paid_fen": 0}))
    assert sum(Earmark.objects.get().parts) == sum(balance(world.shop, "EARMARKED")) == 520
    assert checks_failing() == {}
    truth = body_of(world.till.get(path))
    assert truth["tenders"] == [{"kind": "VOUCHER", "amount_fen": 2_480}]
    before = footprint()
    part = {"refund_no": "R-1", "order_fen": 2_479}
    for query in ("", "dry_run=true"):
        response = world.till.post(f"{path}/refunds", part, query=query)
        problem = world.till.refused(response, 422, "refund.whole_only")
        assert problem["detail"] == "使用兑换券的订单只能整单退款，整单为 24.80 元。"
    response = world.till.post(f"{path}/refunds", part | {"order_fen": 2_481})
    world.till.refused(response, 422, "refund.exceeds")
    assert footprint() == before
    done = body_of(world.till.post(f"{path}/refunds", part | {"order_fen": 2_480}), 201)
    assert (done["payer_fen"], done["subsidy_fen"]) == (0, 2_480)
    assert done["voucher_fate"] == "RETURNED"
    assert sum(balance(world.shop, "OUTSTANDING")) == 3_000
    assert balance(world.shop, "EARMARKED") == [0, 0, 0]
    assert checks_failing() == {}


@pytest.mark.usefixtures("both_ways")
def test_without_its_item_the_voucher_says_what_to_add() -> None:
    world = world_make(quantity=2)
    before = footprint()
    for items, found in (
        ([], 0),
        ([{"sku": RICE, "amount_fen": 5_000}], 1),
        ([{"category": RICE, "quantity": 2, "amount_fen": 5_000}], 0),
    ):
        body = world.hold(payment_code=world.code_make(), items=items)
        problem = world.till.refused(
            world.till.post(REDEMPTIONS, body), 422, "redemption.item_not_eligible"
        )
        (refusal,) = problem["data"]["refusals"]
        assert refusal["detail"] == f"本券兑换五常大米5kg 2 件，订单中有 {found} 件。"
        assert refusal["remedy"] == f"请在订单中加入五常大米5kg {2 - found} 件。"
        assert refusal["data"] == {
            "item": RICE,
            "quantity": 2,
            "found_quantity": found,
            "missing_quantity": 2 - found,
        }
    assert footprint() == before
    two = [{"sku": RICE, "amount_fen": 1_400}, {"sku": RICE, "amount_fen": 1_500}]
    body = world.hold(payment_code=world.code_make(), items=two)
    held = body_of(world.till.post(REDEMPTIONS, body), 201)
    assert (held["subsidy_fen"], held["payable_fen"]) == (2_900, 7_100)
    assert Redemption.objects.get().lines.get().used_fen == 2_900


def document() -> dict[str, Any]:
    made = document_of()
    made["batches"][0]["rules"]["benefit"] = dict(BENEFIT)
    return made


def test_a_definition_names_one_item_and_no_other_goods() -> None:
    made = document()
    made["batches"][0]["rules"]["use"] = {"items": [goods("rice")], "excluded_goods": ["FUEL"]}
    reason = "兑换券的商品写在 benefit 中，不填写此项"
    assert wrong(made) == {f"{USE}.items": reason, f"{USE}.excluded_goods": reason}
    path = "batches[0].rules.benefit"
    for field, value in (("sku", ""), ("sku", "大米"), ("name", ""), ("quantity", 0)):
        made = document()
        made["batches"][0]["rules"]["benefit"][field] = value
        assert list(wrong(made)) == [f"{path}.{field}"]
    definition = definition_build(document())
    assert definition_build(definition.document()).document() == definition.document()
    assert f"兑换商品编码：{RICE}" in definition.checked_words()[-1].lines
    till, _undoing = definition.till_words()
    assert any("应付为零的订单也要确认" in line for line in till.lines)


def test_the_draft_page_writes_the_item_on_a_line() -> None:
    campaign = campaign_draft_save(document=document(), actor=None, now=BEFORE)
    client, before = login(), saved()
    data = form_data(client.get(edit_url(campaign)))
    assert data["batches-0-item"] == f"{RICE} 1 五常大米5kg"
    assert client.post(edit_url(campaign), data).status_code == 302
    assert saved() == before
    data["batches-0-item"] = "OIL-1 2 食用油 5L"
    assert client.post(edit_url(campaign), data).status_code == 302
    assert saved()["batches"][0]["rules"]["benefit"] == {
        "type": "EXCHANGE",
        "sku": "OIL-1",
        "name": "食用油 5L",
        "quantity": 2,
    }
    for text, reason in (("OIL-1 x 油", "应为：商品编码 件数 名称"), ("", "兑换券须填写商品")):
        page = client.post(edit_url(campaign), data | {"batches-0-item": text})
        assert reason in page.content.decode()
