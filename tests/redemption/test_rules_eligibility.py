"""Eligibility, amounts and ranking: every reason with its values, thresholds to the fen."""

from datetime import date, datetime, time, timedelta
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from core.clock import TIME_ZONE
from core.ids import new_id
from redemption.rules.amounts import amounts
from redemption.rules.deadlines import cancellable_until, payout_expected_on
from redemption.rules.eligibility import eligibility
from redemption.rules.facts import PaymentFacts, PlaceFacts, VoucherFacts
from redemption.rules.items import Item
from redemption.services.choosing import Candidate, ranked
from vouchers.rules.benefit_model import NoThresholdBenefit, ThresholdBasis, ThresholdBenefit
from vouchers.rules.model import BatchRules, Location, UseScope, Validity

AT = datetime(2026, 3, 7, 12, tzinfo=TIME_ZONE)
ANY_STORE = UseScope(whitelist=False)
NO_LOCATION = Location()
CAMPAIGN = new_id()
FUNDER = new_id()
PLACE = PlaceFacts(
    acquirer_id=new_id(),
    merchant_id=new_id(),
    store_id=new_id(),
    store_no="S1",
    terminal_id=new_id(),
    store_region="450103",
    industry="CATERING",
    mcc="5812",
    brand="b1",
    tier="3A",
    store_active=True,
    merchant_state="ACTIVE",
)


def _rules(
    threshold: int = 10_000,
    basis: ThresholdBasis = "ORDER",
    use: UseScope = ANY_STORE,
    location: Location = NO_LOCATION,
) -> BatchRules:
    return BatchRules(
        benefit=ThresholdBenefit(threshold_fen=threshold, basis=basis),
        validity=Validity(mode="HOURS", value=72),
        limits=(),
        use=use,
        location=location,
    )


def voucher_facts(rules: BatchRules | None = None, face: int = 3_000) -> VoucherFacts:
    return VoucherFacts(
        voucher_id=new_id(),
        batch_id=new_id(),
        campaign_id=CAMPAIGN,
        enrolment_id=new_id(),
        client_id=new_id(),
        face_fen=face,
        parts=(face,),
        funder_ids=(FUNDER,),
        state="ACTIVE",
        valid_from=AT - timedelta(hours=1),
        valid_until=AT + timedelta(hours=71),
        held_until=None,
        rules=rules or _rules(),
        batch_code="b1",
        batch_name="满100减30",
        owner_region="450000",
        campaign_regions=("450000",),
        paused=False,
    )


def _payment(order: int = 10_000, discount: int = 0) -> PaymentFacts:
    return PaymentFacts(
        at=AT,
        order_fen=order,
        other_discount_fen=discount,
        flow="MERCHANT_SCANS",
        card_bin="622848",
        place=PLACE,
    )


def _codes(voucher: VoucherFacts, payment: PaymentFacts) -> list[str]:
    return [refusal.code for refusal in eligibility(voucher, payment)]


def test_the_threshold_is_reached_at_its_very_fen() -> None:
    assert _codes(voucher_facts(), _payment(10_000)) == []
    (refusal,) = eligibility(voucher_facts(), _payment(9_999))
    assert refusal.code == "redemption.below_threshold"
    assert refusal.data == {
        "shortfall_fen": 1,
        "basis": "ORDER",
        "basis_fen": 9_999,
        "threshold_fen": 10_000,
    }


def test_shanghai_goods_560_after_a_shop_offer_of_70() -> None:
    payment = _payment(56_000, 7_000)
    high = voucher_facts(_rules(50_000, "AFTER_MERCHANT_DISCOUNTS"), face=18_000)
    low = voucher_facts(_rules(30_000, "AFTER_MERCHANT_DISCOUNTS"), face=9_000)
    (refusal,) = eligibility(high, payment)
    assert refusal.data["shortfall_fen"] == 1_000
    assert _codes(low, payment) == []
    taken = amounts(low, payment)
    assert (taken.subsidy_fen, taken.payable_fen) == (9_000, 40_000)


@pytest.mark.parametrize(("discount", "shortfall"), [(6_999, None), (7_000, 1), (9_000, 2_001)])
def test_the_payer_pays_at_least_one_fen(discount: int, shortfall: int | None) -> None:
    refusals = eligibility(voucher_facts(), _payment(10_000, discount))
    assert [refusal.data["shortfall_fen"] for refusal in refusals] == (
        [] if shortfall is None else [shortfall]
    )
    if refusals:
        assert refusals[0].data["basis"] == "PAYABLE"


def test_without_a_threshold_only_the_payers_fen_is_asked() -> None:
    voucher = voucher_facts(msgspec.structs.replace(_rules(), benefit=NoThresholdBenefit()))
    (refusal,) = eligibility(voucher, _payment(3_000))
    assert refusal.data == {
        "shortfall_fen": 1,
        "basis": "PAYABLE",
        "basis_fen": 3_000,
        "threshold_fen": 3_001,
    }
    assert _codes(voucher, _payment(3_001)) == []
    assert amounts(voucher, _payment(3_001)).payable_fen == 1


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("REDEEMED", "voucher.redeemed"),
        ("VOIDED", "voucher.voided"),
        ("FROZEN", "voucher.frozen"),
        ("EXPIRED", "voucher.expired"),
    ],
)
def test_states_have_their_code(state: str, code: str) -> None:
    assert _codes(replace(voucher_facts(), state=state), _payment()) == [code]


def test_validity_is_half_open() -> None:
    voucher = voucher_facts()
    assert _codes(replace(voucher, valid_until=AT), _payment()) == ["voucher.expired"]
    assert _codes(replace(voucher, valid_until=AT + timedelta(microseconds=1)), _payment()) == []
    assert _codes(replace(voucher, valid_from=AT), _payment()) == []
    late = replace(voucher, valid_from=AT + timedelta(microseconds=1))
    assert _codes(late, _payment()) == ["voucher.not_yet_valid"]


def test_a_hold_counts_only_while_it_lives() -> None:
    held = replace(voucher_facts(), state="HELD", held_until=AT + timedelta(seconds=1))
    (refusal,) = eligibility(held, _payment())
    assert (refusal.code, refusal.data) == ("voucher.held", {"until": held.held_until})
    assert _codes(replace(held, held_until=AT), _payment()) == []
    assert _codes(replace(held, held_until=AT, valid_until=AT), _payment()) == ["voucher.expired"]


def test_the_place_is_checked_by_list_region_and_industry_at_once() -> None:
    use = UseScope(whitelist=True, regions=("450200",), industries=("LODGING",))
    voucher = voucher_facts(_rules(use=use))
    (refusal,) = eligibility(voucher, _payment())
    assert refusal.code == "redemption.store_not_in_scope"
    assert refusal.data["reasons"] == ["whitelist", "region", "industry"]
    fitting = voucher_facts(_rules(use=UseScope(regions=("450100",), industries=("5812",))))
    assert _codes(fitting, replace(_payment(), listed_in=frozenset({CAMPAIGN}))) == []


def test_a_store_outside_the_campaign_is_out_of_scope_though_no_region_is_named() -> None:
    payment = replace(_payment(), place=replace(PLACE, store_region="150102"))
    (refusal,) = eligibility(voucher_facts(), payment)
    assert refusal.data["reasons"] == ["region"]


def test_the_till_itself() -> None:
    assert _codes(voucher_facts(), replace(_payment(), place=None)) == [
        "redemption.terminal_unmapped"
    ]
    for place in (
        replace(PLACE, merchant_state="SUSPENDED"),
        replace(PLACE, store_active=False),
    ):
        assert _codes(voucher_facts(), replace(_payment(), place=place)) == [
            "redemption.merchant_suspended"
        ]


def test_flow_and_card() -> None:
    voucher = voucher_facts(
        _rules(use=UseScope(whitelist=False, flows=("MERCHANT_SCANS",), card_bins=("62",)))
    )
    assert _codes(voucher, _payment()) == []
    payment = replace(_payment(), flow="ONLINE", card_bin="")
    refusals = eligibility(voucher, payment)
    assert [(one.code, dict(one.data)) for one in refusals] == [
        ("redemption.flow_not_allowed", {"flow": "ONLINE", "allowed": ["MERCHANT_SCANS"]}),
        ("redemption.card_not_allowed", {"card_bin": "", "prefixes": ["62"]}),
    ]


def test_location_missing_and_outside_are_two_reasons() -> None:
    voucher = voucher_facts(_rules(location=Location(at_use=True)))
    assert _codes(voucher, _payment()) == ["redemption.location_required"]
    assert _codes(voucher, replace(_payment(), region_at="450102")) == []
    assert _codes(voucher, replace(_payment(), region_at="440100")) == ["redemption.out_of_region"]


def test_a_location_of_its_own_takes_the_place_of_the_campaigns_regions() -> None:
    wide = voucher_facts(_rules(location=Location(at_use=True, regions=("450000", "440100"))))
    for region in ("450102", "450300", "440106"):
        assert _codes(wide, replace(_payment(), region_at=region)) == []
    (refusal,) = eligibility(wide, replace(_payment(), region_at="440300"))
    assert (refusal.code, dict(refusal.data)) == (
        "redemption.out_of_region",
        {
            "region_at": "440300",
            "regions": ["450000", "440100"],
            "region_names": ["广西壮族自治区", "广州市"],
        },
    )


@pytest.mark.parametrize(
    ("goods", "codes"),
    [
        ({"TOBACCO": 2_000}, []),
        ({"TOBACCO": 2_001}, ["redemption.item_not_eligible", "redemption.below_threshold"]),
        ({"FUEL": 12_000}, []),
    ],
)
def test_excluded_goods_do_not_count_to_the_threshold(
    goods: dict[str, int], codes: list[str]
) -> None:
    voucher = voucher_facts(
        _rules(use=UseScope(whitelist=False, excluded_goods=("TOBACCO", "STORED_VALUE")))
    )
    items = tuple(Item(fen, category=kind) for kind, fen in goods.items())
    refusals = eligibility(voucher, replace(_payment(12_000), items=items))
    assert [refusal.code for refusal in refusals] == codes
    if refusals:
        assert refusals[0].data == {
            "excluded_fen": 2_001,
            "goods": ["TOBACCO"],
            "eligible_fen": 9_999,
            "missing_fen": 1,
        }
        assert refusals[1].data["shortfall_fen"] == 1


def test_without_goods_that_are_not_eligible_a_small_order_is_only_too_small() -> None:
    voucher = voucher_facts(_rules(use=UseScope(whitelist=False, excluded_goods=("TOBACCO",))))
    payment = replace(_payment(9_000), items=(Item(500, category="TOBACCO"),))
    (refusal,) = eligibility(voucher, payment)
    assert (refusal.code, refusal.data["shortfall_fen"]) == ("redemption.below_threshold", 1_500)


def test_every_failing_condition_is_listed() -> None:
    voucher = replace(
        voucher_facts(_rules(use=UseScope(whitelist=True, flows=("ONLINE",)))),
        paused=True,
        valid_until=AT,
    )
    assert _codes(voucher, _payment(5_000)) == [
        "voucher.expired",
        "redemption.paused",
        "redemption.store_not_in_scope",
        "redemption.flow_not_allowed",
        "redemption.below_threshold",
    ]


def test_ranking_is_largest_subsidy_then_earliest_expiry_then_id() -> None:
    big = voucher_facts(face=5_000)
    soon = replace(voucher_facts(), valid_until=AT + timedelta(hours=2))
    first = replace(voucher_facts(), voucher_id=UUID(int=1))
    second = replace(voucher_facts(), voucher_id=UUID(int=2))
    payment = _payment()
    candidates = [
        Candidate(one, amounts(one, payment), None, (), (), ())
        for one in (second, first, soon, big)
    ]
    assert [one.voucher for one in ranked(candidates)] == [big, soon, first, second]


def test_deadlines_follow_the_acquirer() -> None:
    day = datetime(2026, 9, 25, tzinfo=TIME_ZONE).date()
    assert cancellable_until(day, time(23)) == datetime(2026, 9, 25, 23, tzinfo=TIME_ZONE)
    assert payout_expected_on(day, term_unit="D", term_days=2) == date(2026, 9, 27)
    # 2026-09-25 is Mid-Autumn (a holiday until the 27th): T+1 is Monday the 28th.
    assert payout_expected_on(day, term_unit="T", term_days=1) == date(2026, 9, 28)
    assert payout_expected_on(day.replace(year=2031), term_unit="T", term_days=1) is None
