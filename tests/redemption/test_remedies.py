"""Whoever does what a refusal suggests is refused for that reason no longer, nor for less."""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.clock import TIME_ZONE
from core.errors import Refusal
from redemption.rules.eligibility import frozen_refusals
from redemption.rules.facts import PaymentFacts, PlaceFacts, VoucherFacts
from redemption.rules.items import Item, items_merged
from tests.redemption.test_rules_eligibility import AT, PLACE, voucher_facts
from vouchers.rules.benefit_model import (
    ExchangeBenefit,
    NoThresholdBenefit,
    PercentageBenefit,
    ThresholdBenefit,
    Tier,
    TiersBenefit,
)
from vouchers.rules.model import BatchRules, ItemRule, Location, UseHours, UseScope, Validity

FLOWS = ("MERCHANT_SCANS", "CUSTOMER_SCANS", "ONLINE")
GOODS = ("TOBACCO", "FUEL")
CODES = ("RICE", "OIL", *GOODS)
PLACES = ("450103", "450200", "110101")
INDUSTRIES = ("CATERING", "LODGING")


def _some(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple)


ITEM_RULES = st.lists(
    st.builds(ItemRule, sku=st.sampled_from(CODES), name=st.just("商品"))
    | st.builds(ItemRule, category=st.sampled_from(CODES), name=st.just("类别")),
    max_size=2,
).map(tuple)
HOURS = st.builds(
    UseHours,
    opens=st.sampled_from(["00:00", "10:00", "18:00", "22:00"]),
    closes=st.sampled_from(["02:00", "12:00", "24:00"]),
    weekdays=st.lists(st.integers(1, 7), max_size=3, unique=True).map(tuple),
)
USE = st.builds(
    UseScope,
    whitelist=st.booleans(),
    hours=st.lists(HOURS, max_size=2).map(tuple),
    regions=_some(("450100", "450200")),
    industries=_some(INDUSTRIES),
    stores=_some(("S1", "S2")),
    brands=_some(("b1", "b2")),
    tiers=_some(("3A", "1A")),
    flows=_some(FLOWS),
    card_bins=_some(("62", "6214")),
    items=ITEM_RULES,
    excluded_items=ITEM_RULES,
    excluded_goods=_some(GOODS),
)
BASES = st.sampled_from(["ORDER", "AFTER_MERCHANT_DISCOUNTS", "AFTER_DISCOUNTS"])
THRESHOLDS = st.integers(0, 20_000)
BENEFIT = (
    st.builds(NoThresholdBenefit)
    | st.builds(ThresholdBenefit, threshold_fen=THRESHOLDS, basis=BASES)
    | st.builds(
        PercentageBenefit,
        rate_bp=st.integers(1, 9_999),
        threshold_fen=THRESHOLDS,
        basis=BASES,
    )
    | st.builds(
        ExchangeBenefit,
        sku=st.sampled_from(CODES),
        name=st.just("商品"),
        quantity=st.integers(1, 3),
    )
    | st.builds(
        TiersBenefit,
        tiers=st.lists(
            st.builds(Tier, from_fen=st.integers(2, 20_000), subsidy_fen=st.integers(1, 5_000)),
            min_size=1,
            max_size=4,
            unique_by=lambda tier: tier.from_fen,
        ).map(lambda tiers: tuple(sorted(tiers, key=lambda tier: tier.from_fen))),
        basis=BASES,
    )
)
RULES = st.builds(
    BatchRules,
    benefit=BENEFIT,
    validity=st.just(Validity(mode="HOURS", value=72)),
    limits=st.just(()),
    use=USE,
    location=st.builds(Location, at_use=st.booleans()),
)


@st.composite
def vouchers(draw: st.DrawFn) -> VoucherFacts:
    valid_from = AT + timedelta(hours=draw(st.integers(-30, 30)))
    rules = draw(RULES)
    # What no definition may say: goods that count and do not.
    use = rules.use
    excluded = {rule.code for rule in use.excluded_items} | set(use.excluded_goods)
    items = tuple(rule for rule in use.items if rule.code not in excluded)
    use = msgspec.structs.replace(use, items=items)
    if isinstance(rules.benefit, ExchangeBenefit):
        use = msgspec.structs.replace(use, items=(), excluded_items=(), excluded_goods=())
    rules = msgspec.structs.replace(rules, use=use)
    made = voucher_facts(rules, face=draw(st.integers(1, 5_000)))
    # Long enough for hours of any weekday to come again.
    return replace(made, valid_from=valid_from, valid_until=valid_from + timedelta(days=20))


@st.composite
def payments(draw: st.DrawFn) -> PaymentFacts:
    order = draw(st.integers(1, 25_000))
    amounts = st.integers(1, order // 2 + 1)
    lines = st.builds(Item, amounts, sku=st.sampled_from(CODES)) | st.builds(
        Item, amounts, sku=st.sampled_from(CODES), category=st.sampled_from(CODES)
    )
    items = items_merged(draw(st.lists(lines, max_size=3)))
    order = max(order, sum(item.amount_fen for item in items))
    discount = draw(st.integers(0, order - 1))
    return PaymentFacts(
        at=AT + timedelta(minutes=draw(st.integers(0, 7 * 24 * 60))),
        order_fen=order,
        other_discount_fen=discount,
        bank_discount_fen=draw(st.integers(0, discount)),
        flow=draw(st.sampled_from(FLOWS)),
        card_bin=draw(st.sampled_from(["", "622848", "411111"])),
        place=replace(
            PLACE,
            store_region=draw(st.sampled_from(PLACES)),
            industry=draw(st.sampled_from(INDUSTRIES)),
            store_no=draw(st.sampled_from(["S1", "S3"])),
            brand=draw(st.sampled_from(["", "b1"])),
            tier=draw(st.sampled_from(["-", "3A"])),
        ),
        region_at=draw(st.sampled_from([None, "450103", "110101"])),
        items=items,
    )


def _elsewhere(payment: PaymentFacts, voucher: VoucherFacts, refusal: Refusal) -> PaymentFacts:
    """Go to a store of the list that is the first of everything that the refusal names."""
    assert payment.place is not None
    data = refusal.data
    industries = data["industries"] or [payment.place.industry]
    place: PlaceFacts = replace(
        payment.place,
        store_region=data["regions"][0],
        industry=industries[0],
        **{
            own: data[named][0]
            for own, named in (("store_no", "stores"), ("brand", "brands"), ("tier", "tiers"))
            if named in data
        },
    )
    return replace(payment, place=place, listed_in=frozenset({voucher.campaign_id}))


def _bought(payment: PaymentFacts, _: VoucherFacts, refusal: Refusal) -> PaymentFacts:
    """Buy for what is missing: of the first goods that the refusal names, where it names any."""
    if "item" in refusal.data:
        missing = Item(100, sku=refusal.data["item"], quantity=refusal.data["missing_quantity"])
        return replace(payment, order_fen=payment.order_fen + 100, items=(*payment.items, missing))
    more = refusal.data.get("missing_fen", refusal.data.get("shortfall_fen", 0))
    bought = replace(payment, order_fen=payment.order_fen + more)
    if "items" not in refusal.data:
        return bought
    rule = refusal.data["items"][0]
    line = Item(more, sku=rule.sku, category=rule.category)
    return replace(bought, items=(*payment.items, line))


Remedy = Callable[[PaymentFacts, VoucherFacts, Refusal], PaymentFacts]
REMEDIES: dict[str, Remedy] = {
    "voucher.not_yet_valid": lambda pay, _, why: replace(pay, at=why.data["valid_from"]),
    "voucher.outside_use_hours": lambda pay, _, why: replace(pay, at=why.data["opens_at"]),
    "redemption.store_not_in_scope": _elsewhere,
    "redemption.flow_not_allowed": lambda pay, _, why: replace(pay, flow=why.data["allowed"][0]),
    "redemption.card_not_allowed": lambda pay, _, why: replace(
        pay, card_bin=why.data["prefixes"][0]
    ),
    "redemption.location_required": lambda pay, one, _: replace(
        pay, region_at=one.campaign_regions[0]
    ),
    "redemption.out_of_region": lambda pay, _, why: replace(pay, region_at=why.data["regions"][0]),
    "redemption.below_threshold": _bought,
    "redemption.item_not_eligible": _bought,
}


def _codes(voucher: VoucherFacts, payment: PaymentFacts) -> set[str]:
    return {refusal.code for refusal in frozen_refusals(voucher, payment)}


@given(voucher=vouchers(), payment=payments())
def test_every_remedy_mends_its_condition(voucher: VoucherFacts, payment: PaymentFacts) -> None:
    for refusal in frozen_refusals(voucher, payment):
        mended = REMEDIES[refusal.code](payment, voucher, refusal)
        left = _codes(voucher, mended)
        assert refusal.code not in left
        if refusal.code == "redemption.below_threshold":
            assert "redemption.item_not_eligible" not in left
            short = refusal.data["shortfall_fen"] - 1
            cheaper = Refusal(refusal.code, {**refusal.data, "shortfall_fen": short})
            less = _bought(payment, voucher, cheaper)
            assert refusal.code in _codes(voucher, less), "a smaller purchase would do"


@given(voucher=vouchers(), payment=payments())
def test_all_remedies_one_after_the_other_let_the_voucher_be_used(
    voucher: VoucherFacts, payment: PaymentFacts
) -> None:
    for _ in range(len(REMEDIES) + 1):
        refusals = frozen_refusals(voucher, payment)
        if not refusals:
            return
        for refusal in refusals:
            # The shortfall asks for the same purchase, unless an item is not in the order.
            if refusal.code != "redemption.item_not_eligible" or "item" in refusal.data:
                payment = REMEDIES[refusal.code](payment, voucher, refusal)
    raise AssertionError(f"still refused: {frozen_refusals(voucher, payment)}")


def test_an_item_that_is_exchanged_is_asked_for_once() -> None:
    benefit = ExchangeBenefit(sku="RICE", name="米", quantity=3)
    rules = msgspec.structs.replace(
        voucher_facts().rules, benefit=benefit, use=UseScope(whitelist=False)
    )
    payment = PaymentFacts(
        at=AT,
        order_fen=10_000,
        other_discount_fen=10_000,
        flow="ONLINE",
        card_bin="",
        place=PLACE,
        items=(Item(100, sku="RICE"), Item(100, sku="RICE", category="OIL")),
    )
    missing, unpaid = frozen_refusals(voucher_facts(rules), payment)
    assert missing.data == {
        "item": "RICE",
        "quantity": 3,
        "found_quantity": 2,
        "missing_quantity": 1,
    }
    assert unpaid.data == {
        "shortfall_fen": 1,
        "basis": "PAYABLE",
        "basis_fen": 0,
        "threshold_fen": 1,
    }


def test_the_moment_that_is_told_lies_in_the_life_of_the_voucher() -> None:
    hours = UseScope(whitelist=False, hours=(UseHours(opens="18:00", weekdays=(5,)),))
    rules = msgspec.structs.replace(voucher_facts().rules, use=hours)
    friday = datetime(2026, 3, 13, 18, tzinfo=TIME_ZONE)
    payment = PaymentFacts(
        at=AT, order_fen=10_000, other_discount_fen=0, flow="ONLINE", card_bin="", place=PLACE
    )
    until = replace(voucher_facts(rules), valid_until=friday)
    (refusal,) = frozen_refusals(until, payment)
    assert "opens_at" not in refusal.data
    (refusal,) = frozen_refusals(replace(until, valid_until=friday + timedelta(1)), payment)
    assert refusal.data["opens_at"] == friday
