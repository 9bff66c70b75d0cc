"""Percentages with a cap (折扣券, domain-rules §3): what they take off, and the rest of a face."""

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from django.db import IntegrityError, connection
from msgspec.structs import replace

from redemption.models import Earmark
from redemption.rules.amounts import amounts, threshold_shortfall
from redemption.rules.eligibility import frozen_refusals
from redemption.rules.facts import PaymentFacts, VoucherFacts
from redemption.rules.items import Item
from redemption.services.cancel import redemptions_cancel
from redemption.services.confirm import redemptions_confirm
from redemption.services.earmarks import earmarks_return
from redemption.services.hold import redemptions_hold
from redemption.services.quote import redemptions_quote
from redemption.services.refund import redemptions_refund
from redemption.services.unhold import redemptions_release
from tests.factories.campaigns import BatchPlan
from tests.factories.claims import vouchers_issued
from tests.factories.redemption import (
    AT,
    Shop,
    accepted,
    cancel_command,
    confirm_command,
    confirmed_make,
    held_make,
    hold_command,
    holder_of,
    refund_command,
    release_command,
    shop_make,
)
from tests.invariants.helpers import checks_failing
from tests.redemption.test_hold_confirm import TWICE, balance
from tests.redemption.test_rules_eligibility import PLACE, voucher_facts
from tests.support.moments import business_time_set
from vouchers.models import Voucher
from vouchers.rules.benefit_model import (
    Benefit,
    PercentageBenefit,
    ThresholdBasis,
    Tier,
    TiersBenefit,
)
from vouchers.rules.benefits import subsidy_of
from vouchers.rules.model import UseScope

SOON = AT + timedelta(minutes=10)
SWEPT = timedelta(minutes=5)
NOTHING = [0, 0, 0]
USED, KEPT, FACE = [1_333, 466, 201], [667, 234, 99], [2_000, 700, 300]
"""20.00 of a face of 30.00 that three funders share 200:70:30, by the nested rule."""


def facts(
    rate_bp: int = 2_000,
    *,
    cap: int = 3_000,
    threshold: int = 0,
    basis: ThresholdBasis = "ORDER",
    use: UseScope | None = None,
    benefit: Benefit | None = None,
) -> VoucherFacts:
    benefit = benefit or PercentageBenefit(rate_bp=rate_bp, threshold_fen=threshold, basis=basis)
    rules = msgspec.structs.replace(
        voucher_facts().rules, benefit=benefit, use=use or UseScope(whitelist=False)
    )
    return voucher_facts(rules, face=cap)


def payment(order: int, discount: int = 0, bank: int = 0, tobacco: int = 0) -> PaymentFacts:
    return PaymentFacts(
        at=AT,
        order_fen=order,
        other_discount_fen=discount,
        bank_discount_fen=bank,
        flow="MERCHANT_SCANS",
        card_bin="",
        place=PLACE,
        items=(Item(tobacco, category="TOBACCO"),) if tobacco else (),
    )


@pytest.mark.parametrize(
    ("rate_bp", "cap", "order", "subsidy"),
    [
        (2_000, 200_000, 459_900, 91_980),  # 4,599 of grade 1 in 2025
        (1_500, 200_000, 399_900, 59_985),  # 3,999 of grade 2 in 2025
        (1_500, 50_000, 333_300, 49_995),  # a phone of 3,333
        (1_500, 50_000, 600_000, 50_000),  # a phone of 6,000: the cap
        (2_000, 3_000, 7, 1),  # 1.4 fen
        (5_000, 3_000, 3, 2),  # 1.5 fen is rounded up
    ],
)
def test_the_rate_is_rounded_half_up_and_capped(
    rate_bp: int, cap: int, order: int, subsidy: int
) -> None:
    taken = amounts(facts(rate_bp, cap=cap), payment(order))
    assert (taken.subsidy_fen, taken.payable_fen) == (subsidy, order - subsidy)
    assert sum(taken.parts) == subsidy


@pytest.mark.parametrize(
    ("basis", "subsidy"),
    [("ORDER", 2_000), ("AFTER_MERCHANT_DISCOUNTS", 1_800), ("AFTER_DISCOUNTS", 1_500)],
)
def test_the_basis_knows_the_merchants_offers_from_the_banks(
    basis: ThresholdBasis, subsidy: int
) -> None:
    taken = amounts(facts(basis=basis), payment(10_000, discount=2_500, bank=1_500))
    assert (taken.subsidy_fen, taken.payable_fen) == (subsidy, 7_500 - subsidy)


def test_excluded_goods_carry_no_percentage() -> None:
    voucher = facts(use=UseScope(whitelist=False, excluded_goods=("TOBACCO",)))
    taken = amounts(voucher, payment(10_000, tobacco=4_000))
    assert (taken.subsidy_fen, taken.payable_fen) == (1_200, 8_800)


def test_a_percentage_gives_at_least_a_fen() -> None:
    (refusal,) = threshold_shortfall(facts(100), payment(49))
    assert refusal.data == {
        "shortfall_fen": 1,
        "basis": "ORDER",
        "basis_fen": 49,
        "threshold_fen": 50,
    }
    assert threshold_shortfall(facts(100), payment(50)) == []


def test_the_payer_pays_at_least_a_fen_beside_other_offers() -> None:
    # 80.00 of 100.00 are offers already: of the 20.00 left, 20 % of the order takes all.
    (refusal,) = threshold_shortfall(facts(), payment(10_000, discount=8_000))
    assert refusal.data["basis"] == "PAYABLE"
    more = refusal.data["shortfall_fen"]
    assert more == 1
    assert threshold_shortfall(facts(), payment(10_000 + more, discount=8_000)) == []


def test_a_threshold_of_a_percentage_is_reached_at_its_very_fen() -> None:
    voucher = facts(threshold=10_000)
    assert threshold_shortfall(voucher, payment(10_000)) == []
    assert threshold_shortfall(voucher, payment(9_999))[0].data["shortfall_fen"] == 1


CARS = TiersBenefit(
    tiers=(
        Tier(from_fen=10_000_000, subsidy_fen=500_000),
        Tier(from_fen=20_000_000, subsidy_fen=1_200_000),
        Tier(from_fen=30_000_000, subsidy_fen=1_700_000),
        Tier(from_fen=50_000_000, subsidy_fen=2_000_000),
    )
)
"""Bao'an 2022, second round (domain-rules §7)."""


@pytest.mark.parametrize(
    ("price", "subsidy"),
    [
        (9_999_999, 0),
        (10_000_000, 500_000),
        (19_999_999, 500_000),
        (20_000_000, 1_200_000),
        (30_000_000, 1_700_000),
        (50_000_000, 2_000_000),
        (99_000_000, 2_000_000),
    ],
)
def test_the_highest_tier_that_is_reached_decides(price: int, subsidy: int) -> None:
    assert subsidy_of(CARS, face_fen=2_000_000, base_fen=price) == subsidy


def test_a_tier_is_reached_at_its_very_fen() -> None:
    voucher = facts(benefit=CARS, cap=2_000_000)
    (refusal,) = threshold_shortfall(voucher, payment(9_999_999))
    assert refusal.data["shortfall_fen"] == 1
    assert amounts(voucher, payment(10_000_000)).subsidy_fen == 500_000


@pytest.mark.parametrize(("price", "excess"), [(600_000, 0), (600_001, 1)])
def test_a_price_above_the_ceiling_is_refused(price: int, excess: int) -> None:
    phone = PercentageBenefit(rate_bp=1_500, ceiling_fen=600_000)
    voucher = facts(benefit=phone, cap=50_000)
    refusals = {one.code: one.data for one in frozen_refusals(voucher, payment(price))}
    told = refusals.get("redemption.above_ceiling", {"excess_fen": 0})
    assert told["excess_fen"] == excess


@pytest.fixture
def shop(db: None) -> Shop:
    """A shop that takes vouchers of 20 % off, at most 30.00."""
    plan = BatchPlan(
        benefit=PercentageBenefit(rate_bp=2_000), limits=(TWICE,), rules={"realname": False}
    )
    business_time_set(SOON)
    return shop_make(batches=[plan])


def kept(redemption_id: UUID) -> Earmark:
    return Earmark.objects.get(redemption_id=redemption_id)


def books(shop: Shop) -> dict[str, list[int]]:
    return {kind: balance(shop, kind) for kind in ("OUTSTANDING", "HELD", "EARMARKED")}


def test_a_hold_takes_the_whole_face_and_gives_it_back(shop: Shop) -> None:
    (voucher,) = vouchers_issued(shop.batch)
    redemption_id = held_make(shop, voucher)
    assert books(shop) == {"OUTSTANDING": NOTHING, "HELD": FACE, "EARMARKED": NOTHING}
    assert checks_failing() == {}
    accepted(redemptions_release(commands=[release_command(redemption_id)]))
    assert books(shop) == {"OUTSTANDING": FACE, "HELD": NOTHING, "EARMARKED": NOTHING}
    assert checks_failing() == {}


def test_a_confirm_owes_the_used_part_and_keeps_the_rest(shop: Shop) -> None:
    redemption_id = held_make(shop)
    (outcome,) = redemptions_confirm(commands=[confirm_command(redemption_id)])
    assert outcome.fact is not None
    assert (outcome.fact.payer_fen, outcome.fact.subsidy_fen) == (8_000, 2_000)
    assert [part.amount_fen for part in outcome.fact.funders] == USED
    assert books(shop) == {"OUTSTANDING": NOTHING, "HELD": NOTHING, "EARMARKED": KEPT}
    assert kept(redemption_id).parts == KEPT
    assert checks_failing() == {}


def test_a_face_that_is_used_up_keeps_nothing(shop: Shop) -> None:
    confirmed_make(shop, order_fen=15_000)
    assert not Earmark.objects.exists()
    assert checks_failing() == {}


@pytest.mark.parametrize("undo", ["refund", "cancel"])
def test_a_voucher_that_comes_back_has_its_whole_face(shop: Shop, undo: str) -> None:
    (voucher,) = vouchers_issued(shop.batch)
    redemption_id = confirmed_make(shop, voucher)
    if undo == "refund":
        redemptions_refund(commands=[refund_command(redemption_id, 10_000, at=SOON)])
    else:
        redemptions_cancel(commands=[cancel_command(redemption_id, at=SOON)])
    assert Voucher.objects.get(pk=voucher.pk).state == "ACTIVE"
    assert books(shop) == {"OUTSTANDING": FACE, "HELD": NOTHING, "EARMARKED": NOTHING}
    assert kept(redemption_id).ended_at == SOON
    assert checks_failing() == {}
    again = confirmed_make(shop, voucher, at=SOON, order_fen=5_000)
    assert sum(kept(again).parts) == 2_000
    assert checks_failing() == {}


def test_a_partial_refund_leaves_the_rest_kept_until_the_vouchers_end(shop: Shop) -> None:
    (voucher,) = vouchers_issued(shop.batch)
    redemption_id = confirmed_make(shop, voucher)
    before = balance(shop, "ALLOCATED")
    redemptions_refund(commands=[refund_command(redemption_id, 5_000, at=SOON)])
    assert balance(shop, "EARMARKED") == KEPT
    back = [new - old for new, old in zip(balance(shop, "ALLOCATED"), before, strict=True)]
    assert sum(back) == 1_000
    assert earmarks_return(now=voucher.valid_until + SWEPT - timedelta(microseconds=1)) == 0
    assert earmarks_return(now=voucher.valid_until + SWEPT) == 1
    assert earmarks_return(now=voucher.valid_until + SWEPT) == 0
    assert balance(shop, "EARMARKED") == NOTHING
    given = [new - old for new, old in zip(balance(shop, "ALLOCATED"), before, strict=True)]
    assert given == [old + rest for old, rest in zip(back, KEPT, strict=True)]
    assert checks_failing() == {}


@pytest.mark.parametrize("swept", [False, True])
def test_a_refund_after_the_end_gives_everything_to_the_pool(shop: Shop, swept: bool) -> None:
    (voucher,) = vouchers_issued(shop.batch)
    before = balance(shop, "ALLOCATED")
    redemption_id = confirmed_make(shop, voucher)
    if swept:
        assert earmarks_return(now=voucher.valid_until + SWEPT) == 1
    command = refund_command(redemption_id, 10_000, at=voucher.valid_until + SWEPT)
    (outcome,) = redemptions_refund(commands=[command])
    assert outcome.fact is not None
    assert outcome.fact.voucher_fate == "EXPIRED"
    back = [new - old for new, old in zip(balance(shop, "ALLOCATED"), before, strict=True)]
    assert (back, balance(shop, "EARMARKED")) == (FACE, NOTHING)
    assert checks_failing() == {}


def test_a_request_that_comes_late_finds_the_rest_gone(shop: Shop) -> None:
    """It was received in validity, and decided after the sweep: no whole face can return."""
    (voucher,) = vouchers_issued(shop.batch)
    redemption_id = confirmed_make(shop, voucher)
    assert earmarks_return(now=voucher.valid_until + SWEPT) == 1
    (outcome,) = redemptions_refund(commands=[refund_command(redemption_id, 10_000, at=SOON)])
    assert outcome.fact is not None
    assert (outcome.fact.payer_fen, outcome.fact.voucher_fate) == (8_000, "EXPIRED")
    assert checks_failing() == {}


def test_the_best_voucher_of_a_payment_is_the_one_that_takes_most_off(db: None) -> None:
    fifth = BatchPlan(benefit=PercentageBenefit(rate_bp=2_000), limits=(TWICE,), face_fen=5_000)
    fixed = BatchPlan(face_fen=3_000, limits=(TWICE,))
    shop = shop_make(batches=[fifth, fixed])
    (part,) = vouchers_issued(shop.live.batches[0])
    person = holder_of(part)
    (whole,) = vouchers_issued(shop.live.batches[1], enrolments=[person])
    for order_fen, best in ((10_000, whole), (20_000, part)):
        asked = replace(
            shop.payment(voucher=part, order_fen=order_fen),
            voucher_ids=(),
            person_id=person.pk,
        )
        (outcome,) = redemptions_quote(payments=[asked])
        assert outcome.quote is not None
        assert outcome.quote.usable[0].voucher.voucher_id == best.pk


def test_tiers_at_a_till_keep_the_rest_of_the_face(db: None) -> None:
    steps = TiersBenefit(
        tiers=(Tier(from_fen=5_000, subsidy_fen=1_000), Tier(from_fen=20_000, subsidy_fen=3_000))
    )
    business_time_set(SOON)
    shop = shop_make(batches=[BatchPlan(benefit=steps, limits=(TWICE,))])
    redemption_id = confirmed_make(shop, order_fen=19_999)
    assert sum(kept(redemption_id).parts) == 2_000
    assert checks_failing() == {}


def test_an_order_too_small_for_a_fen_is_refused(shop: Shop) -> None:
    (voucher,) = vouchers_issued(shop.batch)
    (outcome,) = redemptions_hold(
        commands=[hold_command(shop.payment(voucher=voucher, order_fen=2))]
    )
    assert [(one.code, one.data["shortfall_fen"]) for one in outcome.refusals] == [
        ("redemption.below_threshold", 1)
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE redemption_earmark SET parts = '{1,1,1}'",
        "UPDATE redemption_earmark SET ended_at = now()",
        "DELETE FROM redemption_earmark",
    ],
)
def test_the_database_keeps_an_earmark_as_it_was_written(shop: Shop, statement: str) -> None:
    confirmed_make(shop)
    with (
        pytest.raises(Exception, match=r"redemption_earmark|pgtrigger"),
        connection.cursor() as own,
    ):
        own.execute(statement)


def test_an_earmark_ends_once(shop: Shop) -> None:
    redemption_id = confirmed_make(shop)
    redemptions_cancel(commands=[cancel_command(redemption_id, at=SOON)])
    with pytest.raises(Exception, match="pgtrigger"):
        Earmark.objects.update(ended_at=None, entry=None)


def test_a_bank_offer_is_part_of_the_other_offers(shop: Shop) -> None:
    with pytest.raises(IntegrityError, match="redemption_amounts"):
        held_make(shop, other_discount_fen=1_000, bank_discount_fen=1_001)
