"""Refund rules: the worked examples of domain-rules §6 to the fen, and what must always hold."""

from datetime import datetime, timedelta
from fractions import Fraction
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.clock import TIME_ZONE
from redemption.rules.refunds import (
    RefundedSoFar,
    RefundSlice,
    refund_refusals,
    refund_slice,
)
from redemption.states import VoucherFate
from vouchers.rules.model import RefundPolicy
from vouchers.rules.refund_limits import MAX_REFUNDS

NOW = datetime(2026, 3, 8, 12, tzinfo=TIME_ZONE)
UNTIL = NOW + timedelta(days=1)
PAID_70 = RefundedSoFar(10_000, 0, 7_000, 3_000, (2_000, 700, 300))


def _after(payment: RefundedSoFar, part: RefundSlice) -> RefundedSoFar:
    return replace(
        payment,
        refunded_order_fen=payment.refunded_order_fen + part.order_fen,
        refunded_payer_fen=payment.refunded_payer_fen + part.payer_fen,
        refunded_subsidy_fen=payment.refunded_subsidy_fen + part.subsidy_fen,
        count=payment.count + 1,
    )


def _run(
    payment: RefundedSoFar, amounts: list[int], policy: RefundPolicy = "PRO_RATA_KEEP_USED"
) -> tuple[list[RefundSlice], RefundedSoFar]:
    slices = []
    for amount in amounts:
        part = refund_slice(payment, order_fen=amount, now=NOW, valid_until=UNTIL, policy=policy)
        slices.append(part)
        payment = _after(payment, part)
    return slices, payment


def test_full_refund_in_validity_gives_seventy_and_the_voucher_back() -> None:
    part = refund_slice(PAID_70, order_fen=10_000, now=NOW, valid_until=UNTIL)
    assert part == RefundSlice(10_000, 7_000, 3_000, (2_000, 700, 300), VoucherFate.RETURNED)


def test_full_refund_after_expiry_gives_the_subsidy_to_the_pool() -> None:
    part = refund_slice(PAID_70, order_fen=10_000, now=UNTIL, valid_until=UNTIL)
    assert (part.payer_fen, part.subsidy_fen) == (7_000, 3_000)
    assert part.voucher_fate == VoucherFate.EXPIRED


def test_half_refund_is_pro_rata_and_keeps_the_voucher_used() -> None:
    part = refund_slice(PAID_70, order_fen=5_000, now=NOW, valid_until=UNTIL)
    assert (part.payer_fen, part.subsidy_fen) == (3_500, 1_500)
    assert part.voucher_fate == VoucherFate.KEPT_USED


def test_three_thirds_add_up_to_the_whole() -> None:
    slices, left = _run(PAID_70, [3_333, 3_333, 3_334])
    assert [part.payer_fen for part in slices] == [2_333, 2_333, 2_334]
    assert [part.subsidy_fen for part in slices] == [1_000, 1_000, 1_000]
    assert left.refundable_fen == 0
    # The last slice completes the order, yet it is partial: the voucher does not come back.
    assert slices[-1].voucher_fate == VoucherFate.KEPT_USED


def test_fifty_refunds_of_five_fen_pay_one_seventy_five() -> None:
    slices, left = _run(PAID_70, [5] * MAX_REFUNDS)
    assert sum(part.payer_fen for part in slices) == 175
    assert sum(part.subsidy_fen for part in slices) == 75
    assert [
        refusal.code
        for refusal in refund_refusals(
            left, state="CONFIRMED", confirmed_at=NOW, order_fen=5, now=NOW
        )
    ] == ["refund.count_limit"]


def test_all_failing_conditions_are_listed_with_their_values() -> None:
    spent = replace(PAID_70, refunded_order_fen=9_000, count=MAX_REFUNDS)
    refusals = refund_refusals(
        spent,
        state="CONFIRMED",
        confirmed_at=NOW - timedelta(days=365),
        order_fen=1_001,
        now=NOW,
    )
    assert [(one.code, dict(one.data)) for one in refusals] == [
        ("refund.exceeds", {"refundable_fen": 1_000, "requested_fen": 1_001}),
        ("refund.count_limit", {"limit": 50}),
        ("refund.too_old", {"limit_days": 365}),
    ]


@pytest.mark.parametrize("state", ["HELD", "RELEASED", "TIMED_OUT", "CANCELLED"])
def test_only_a_confirmed_payment_is_refunded(state: str) -> None:
    (refusal,) = refund_refusals(PAID_70, state=state, confirmed_at=None, order_fen=1, now=NOW)
    assert (refusal.code, refusal.data) == ("redemption.state_conflict", {"state": state})


FULL, PART, LATE = (10_000, NOW), (5_000, NOW), (10_000, UNTIL)


@pytest.mark.parametrize(
    ("policy", "asked", "payer_fen", "subsidy_fen", "fate"),
    [
        ("PRO_RATA_KEEP_USED", FULL, 7_000, 3_000, VoucherFate.RETURNED),
        ("PRO_RATA_KEEP_USED", LATE, 7_000, 3_000, VoucherFate.EXPIRED),
        ("PRO_RATA_KEEP_USED", PART, 3_500, 1_500, VoucherFate.KEPT_USED),
        ("ALWAYS_CONSUMED", FULL, 7_000, 3_000, VoucherFate.KEPT_USED),
        ("ALWAYS_CONSUMED", LATE, 7_000, 3_000, VoucherFate.KEPT_USED),
        ("ALWAYS_CONSUMED", PART, 3_500, 1_500, VoucherFate.KEPT_USED),
        ("OWN_MONEY_FIRST", FULL, 7_000, 3_000, VoucherFate.RETURNED),
        ("OWN_MONEY_FIRST", LATE, 7_000, 3_000, VoucherFate.EXPIRED),
        ("OWN_MONEY_FIRST", PART, 5_000, 0, VoucherFate.KEPT_USED),
        ("OWN_MONEY_FIRST", (8_000, NOW), 7_000, 1_000, VoucherFate.KEPT_USED),
        ("CASH_ONLY", FULL, 7_000, 0, VoucherFate.KEPT_USED),
        ("CASH_ONLY", LATE, 7_000, 0, VoucherFate.KEPT_USED),
        ("CASH_ONLY", PART, 3_500, 0, VoucherFate.KEPT_USED),
        ("QUOTA_CONSUMED", FULL, 7_000, 3_000, VoucherFate.VOIDED),
        ("QUOTA_CONSUMED", LATE, 7_000, 3_000, VoucherFate.EXPIRED),
        ("QUOTA_CONSUMED", PART, 3_500, 1_500, VoucherFate.KEPT_USED),
    ],
)
def test_the_table_of_policies(
    policy: RefundPolicy,
    asked: tuple[int, datetime],
    payer_fen: int,
    subsidy_fen: int,
    fate: VoucherFate,
) -> None:
    order_fen, now = asked
    part = refund_slice(PAID_70, order_fen=order_fen, now=now, valid_until=UNTIL, policy=policy)
    assert (part.payer_fen, part.subsidy_fen, part.voucher_fate) == (payer_fen, subsidy_fen, fate)
    assert sum(part.parts) == subsidy_fen


def test_own_money_first_leaves_a_shop_offer_alone() -> None:
    """560 less 70 by the shop, less 90: paid 400. Half of the order is half of 490, rounded up."""
    payment = RefundedSoFar(56_000, 7_000, 40_000, 9_000, (9_000,))
    slices, left = _run(payment, [28_000, 27_999, 1], policy="OWN_MONEY_FIRST")
    assert [part.payer_fen for part in slices] == [24_500, 15_500, 0]
    assert [part.subsidy_fen for part in slices] == [0, 8_999, 1]
    assert left.refundable_fen == 0


POLICIES: tuple[RefundPolicy, ...] = get_args(RefundPolicy)


@given(order=st.integers(2, 1_000_000), policy=st.sampled_from(POLICIES), data=st.data())
def test_any_sequence_of_refunds_is_exact_in_the_end_and_leaves_nobody_better_off(
    order: int, policy: RefundPolicy, data: st.DataObject
) -> None:
    discount = data.draw(st.integers(0, order - 2))
    subsidy = data.draw(st.integers(1, order - discount - 1))
    first = data.draw(st.integers(0, subsidy))
    second = data.draw(st.integers(0, subsidy - first))
    payer = order - discount - subsidy
    left = payment = RefundedSoFar(
        order, discount, payer, subsidy, (first, second, subsidy - first - second)
    )
    parts: tuple[int, ...] = (0, 0, 0)
    shares = data.draw(st.lists(st.integers(1, order), max_size=MAX_REFUNDS - 1))
    amounts = [*shares, order]  # what is left in the end
    for wanted in amounts:
        amount = min(wanted, left.refundable_fen)
        if not amount:
            break
        part = refund_slice(left, order_fen=amount, now=NOW, valid_until=UNTIL, policy=policy)
        assert part.payer_fen >= 0
        assert min(part.parts) >= 0
        assert sum(part.parts) == part.subsidy_fen
        parts = tuple(old + new for old, new in zip(parts, part.parts, strict=True))
        left = _after(left, part)
        # Nobody gets more than was requested of the order, nor more than he gave.
        assert left.refunded_payer_fen + left.refunded_subsidy_fen <= left.refunded_order_fen
        assert left.refunded_payer_fen <= payer
        assert all(back <= gave for back, gave in zip(parts, payment.parts, strict=True))
        if policy != "CASH_ONLY":  # which leaves the subsidy, and so has to be signed
            # The merchant keeps the price of the goods he did not get back, to a fen of rounding.
            kept = payer + subsidy - left.refunded_payer_fen - left.refunded_subsidy_fen
            price = Fraction(left.refundable_fen * (payer + subsidy), order)
            assert abs(kept - price) <= 1
    assert left.refundable_fen == 0
    assert left.refunded_payer_fen == payer
    assert left.refunded_subsidy_fen == (0 if policy == "CASH_ONLY" else subsidy)
