"""No sequence of refunds, cancels and re-uses leaves anybody better off than no purchase.

On the rules alone, over every policy, benefit and basis, 2–5 funders with any weights, and orders
with the merchant's and the bank's offers; `money_parties` says what better off means for whom.
"""

from fractions import Fraction
from typing import Any, NamedTuple, get_args

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from core.money import funder_parts
from redemption.rules.amounts import Amounts, amounts, threshold_shortfall
from redemption.rules.facts import PaymentFacts, VoucherFacts
from redemption.rules.items import Item
from redemption.rules.refunds import (
    RefundedSoFar,
    refund_refusals,
    refund_slice,
    returned_or_expired,
)
from redemption.states import VoucherFate
from tests.redemption.money_parties import Sale, assert_nobody_better_off
from tests.redemption.test_rules_eligibility import AT, PLACE, voucher_facts
from vouchers.rules.benefit_model import ExchangeBenefit
from vouchers.rules.model import RefundPolicy, rules_read, rules_write
from vouchers.rules.refund_limits import MAX_REFUNDS

POLICIES: tuple[RefundPolicy, ...] = get_args(RefundPolicy)
BASES = st.sampled_from(["ORDER", "AFTER_MERCHANT_DISCOUNTS", "AFTER_DISCOUNTS"])
BENEFITS = ("THRESHOLD", "NO_THRESHOLD", "PERCENTAGE", "TIERS", "EXCHANGE", "RANDOM")
SKU = "6901234567892"


class Step(NamedTuple):
    """Something that is asked for: a share (in thousandths) of what is left, or all of it."""

    does: str
    share: int = 0
    late: bool = False
    """From here on the voucher's validity is over."""


class Purchase(NamedTuple):
    """An order: so much above what the voucher asks for, with offers of so many thousandths."""

    more_fen: int
    discount: int
    of_bank: int
    of_item: int = 1_000
    """How many thousandths of the order the item costs that a voucher may be exchanged for."""

    def items(self, order_fen: int) -> tuple[Item, ...]:
        """Return the lines of the order: a few pieces of the item."""
        price_fen = max(1, order_fen * self.of_item // 1_000)
        return (Item(price_fen, sku=SKU, quantity=1 + self.more_fen % 3),)


STEP = st.builds(
    Step,
    does=st.sampled_from(["WHOLE", "CANCEL", "WHOLE", "PART", "CANCEL", "PART"]),
    share=st.integers(0, 400),
    late=st.sampled_from([False] * 9 + [True]),
)
PURCHASES = st.lists(
    st.builds(
        Purchase,
        more_fen=st.integers(0, 30) | st.integers(0, 500_000),
        discount=st.just(0) | st.integers(0, 900),
        of_bank=st.integers(0, 1_000),
        of_item=st.just(1_000) | st.integers(0, 1_000),
    ),
    min_size=1,
    max_size=5,
)


def benefit_of(kind: str, face: int, numbers: list[int]) -> dict[str, Any]:
    """Return a benefit of a kind, as it is frozen; ``numbers`` say how high thresholds are."""
    match kind:
        case "THRESHOLD":
            return {"type": kind, "threshold_fen": face + numbers[0]}
        case "PERCENTAGE":
            return {"type": kind, "rate_bp": 1 + numbers[0] % 9_999, "threshold_fen": numbers[1]}
        case "TIERS":
            subsidies = sorted({1 + number % face for number in numbers} | {face})
            from_fen, tiers = 0, []
            for number, subsidy in zip([*numbers, 0], subsidies, strict=False):
                from_fen = max(from_fen, subsidy) + 1 + number
                tiers.append({"from_fen": from_fen, "subsidy_fen": subsidy})
            return {"type": kind, "tiers": tiers}
        case "EXCHANGE":
            return {"type": kind, "sku": SKU, "name": "五常大米"}
        case "RANDOM":
            least = 1 + numbers[1] % (face - 1)
            return {"type": kind, "min_fen": least, "threshold_fen": face + 1 + numbers[0]}
    return {"type": kind}


@st.composite
def issued(draw: st.DrawFn, kind: str, policy: RefundPolicy) -> VoucherFacts:
    """Draw a voucher: any number of a batch, with its parts as they are fixed at issue."""
    weights = draw(st.lists(st.integers(1, 1_000), min_size=2, max_size=5))
    # A funder's part is a fen at least (domain-rules §2).
    least = -(-sum(weights) // min(weights))
    face = least + draw(st.integers(0, 20) | st.integers(0, 200_000))
    numbers = draw(st.lists(st.integers(0, 30_000), min_size=3, max_size=3))
    facts = replace(voucher_facts(face=face), voucher_id=draw(st.uuids()))
    benefit = benefit_of(kind, face, numbers)
    if kind not in {"NO_THRESHOLD", "EXCHANGE"}:
        benefit["basis"] = draw(BASES)
    rules = rules_read(rules_write(facts.rules) | {"benefit": benefit, "refund_policy": policy})
    parts = tuple(funder_parts(face, weights, draw(st.integers(1, 10_000))))
    return replace(facts, rules=rules, parts=parts)


def bought(voucher: VoucherFacts, wanted: Purchase) -> Amounts:
    """Return what is paid for an order that the voucher lets pass, enlarged until it does."""
    order = max(voucher.rules.benefit.threshold_fen, 1) + wanted.more_fen
    discount = order * wanted.discount // 1_000
    payment = PaymentFacts(
        at=AT,
        order_fen=order,
        other_discount_fen=discount,
        bank_discount_fen=discount * wanted.of_bank // 1_000,
        flow="MERCHANT_SCANS",
        card_bin="",
        place=PLACE,
        items=wanted.items(order),
    )
    for refusal in threshold_shortfall(voucher, payment):
        more = int(refusal.data["shortfall_fen"])
        payment = replace(payment, order_fen=payment.order_fen + more)
    assert threshold_shortfall(voucher, payment) == []
    paid = amounts(voucher, payment)
    if isinstance(voucher.rules.benefit, ExchangeBenefit):
        # A piece of the item, after what the shop takes off all, a fen of rounding aside.
        (item,) = payment.items
        shop_fen = payment.other_discount_fen - payment.bank_discount_fen
        kept = 1 - Fraction(shop_fen, payment.order_fen)
        most = max(Fraction(item.amount_fen, item.quantity), Fraction(1)) * kept
        assert 1 <= paid.subsidy_fen <= most + Fraction(1, 2)
    return paid


class Life:
    """One voucher through purchases, refunds and cancels, by the rules of the platform."""

    def __init__(self, voucher: VoucherFacts, purchases: list[Purchase]) -> None:
        """Begin with the first purchase; of later ones the list is gone round."""
        self.voucher, self.purchases = voucher, purchases
        self.whole_only = isinstance(voucher.rules.benefit, ExchangeBenefit)
        self.now = AT
        self.sales: list[Sale] = []
        self.fate: VoucherFate | None = None
        self.so_far: RefundedSoFar
        self.buy()

    def buy(self) -> None:
        """Use the voucher."""
        paid = bought(self.voucher, self.purchases[len(self.sales) % len(self.purchases)])
        assert paid.payable_fen >= (0 if self.whole_only else 1)
        self.so_far = RefundedSoFar(
            paid.order_fen, paid.other_discount_fen, paid.payable_fen, paid.subsidy_fen, paid.parts
        )
        policy = self.voucher.rules.refund_policy
        self.sales.append(Sale(paid.order_fen, paid.payable_fen, paid.parts, policy))
        self.fate = None

    def take(self, step: Step) -> None:
        """Do what a step asks for, where the platform lets it pass."""
        if step.late:
            self.now = max(self.now, self.voucher.valid_until)
        if self.fate == VoucherFate.RETURNED and self.now < self.voucher.valid_until:
            self.buy()
        if self.fate in {None, VoucherFate.KEPT_USED}:
            getattr(self, "cancel" if step.does == "CANCEL" else "refund")(step)

    def cancel(self, _step: Step) -> None:
        """Undo the purchase, unless something of it was refunded."""
        if self.so_far.count:
            return
        sale = self.sales[-1]
        sale.cancelled = True
        sale.take_back(sale.order_fen, sale.payer_fen, sale.parts)
        self.fate = returned_or_expired(now=self.now, valid_until=self.voucher.valid_until)

    def refund(self, step: Step) -> None:
        """Refund a part of the order, or what is left of it."""
        left = self.so_far
        part_fen = max(1, left.order_fen * step.share // 1_000)
        asked = min(part_fen, left.refundable_fen) if step.does == "PART" else left.refundable_fen
        refusals = refund_refusals(
            left,
            state="CONFIRMED",
            confirmed_at=AT,
            order_fen=asked,
            now=self.now,
            whole_only=self.whole_only,
        )
        if refusals or not asked:
            is_part = self.whole_only and asked < left.order_fen
            assert not asked or is_part or left.count == MAX_REFUNDS
            return
        part = refund_slice(
            left,
            order_fen=asked,
            now=self.now,
            valid_until=self.voucher.valid_until,
            policy=self.voucher.rules.refund_policy,
        )
        assert sum(part.parts) == part.subsidy_fen
        self.sales[-1].take_back(part.order_fen, part.payer_fen, part.parts)
        self.fate = part.voucher_fate
        self.so_far = replace(
            left,
            refunded_order_fen=left.refunded_order_fen + part.order_fen,
            refunded_payer_fen=left.refunded_payer_fen + part.payer_fen,
            refunded_subsidy_fen=left.refunded_subsidy_fen + part.subsidy_fen,
            count=left.count + 1,
        )


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("kind", BENEFITS)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), purchases=PURCHASES, steps=st.lists(STEP, min_size=1, max_size=50))
def test_no_course_of_a_voucher_leaves_anybody_better_off(
    kind: str,
    policy: RefundPolicy,
    data: st.DataObject,
    purchases: list[Purchase],
    steps: list[Step],
) -> None:
    life = Life(data.draw(issued(kind, policy)), purchases)
    for step in steps:
        life.take(step)
        assert_nobody_better_off(life.sales, life.voucher.parts)
    event(f"{min(len(life.sales), 5)} purchases")


def notices(sale: Sale, **wrong: Any) -> bool:
    """Tell whether the books notice a refund of half an order that goes wrong."""
    half: dict[str, Any] = {"order_fen": 5_000, "payer_fen": 3_500, "parts": (1_000, 500)}
    try:
        sale.take_back(**half | wrong)
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize(
    ("wrong", "noticed"),
    [
        ({}, False),
        ({"payer_fen": 3_502}, True),  # the payer, two fen
        ({"payer_fen": 3_498}, True),  # the merchant, two fen
        ({"parts": (0, 0)}, True),  # the merchant, the subsidy of what was returned
        ({"parts": (499, 1_001)}, True),  # the second funder, who gave 10.00
    ],
)
def test_the_books_notice_who_is_better_off(wrong: dict[str, Any], noticed: bool) -> None:
    """满100减30: 20.00 and 10.00 of two funders, 70.00 of the payer; half of it comes back."""
    sale = Sale(10_000, 7_000, (2_000, 1_000), "PRO_RATA_KEEP_USED")
    assert notices(sale, **wrong) is noticed
