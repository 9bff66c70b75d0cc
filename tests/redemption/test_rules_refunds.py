"""Refund rules: the worked examples of domain-rules §6 to the fen, and what must always hold."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import TIME_ZONE
from redemption.rules.refunds import (
    MAX_REFUNDS,
    RefundedSoFar,
    RefundSlice,
    refund_refusals,
    refund_slice,
)
from redemption.states import VoucherFate

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


def _run(payment: RefundedSoFar, amounts: list[int]) -> tuple[list[RefundSlice], RefundedSoFar]:
    slices = []
    for amount in amounts:
        part = refund_slice(payment, order_fen=amount, now=NOW, valid_until=UNTIL)
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


def test_a_policy_that_approval_refuses_is_not_computed() -> None:
    with pytest.raises(ValueError, match="not offered"):
        refund_slice(PAID_70, order_fen=1, now=NOW, valid_until=UNTIL, policy="OWN_MONEY_FIRST")


@given(
    order=st.integers(2, 1_000_000),
    data=st.data(),
)
def test_any_sequence_of_refunds_is_exact_in_the_end_and_never_negative(
    order: int, data: st.DataObject
) -> None:
    discount = data.draw(st.integers(0, order - 2))
    subsidy = data.draw(st.integers(1, order - discount - 1))
    first = data.draw(st.integers(0, subsidy))
    second = data.draw(st.integers(0, subsidy - first))
    payer = order - discount - subsidy
    payment = RefundedSoFar(
        order, discount, payer, subsidy, (first, second, subsidy - first - second)
    )
    left, parts = payment, [0, 0, 0]
    for _ in range(data.draw(st.integers(1, 6))):
        if not left.refundable_fen:
            break
        amount = data.draw(st.integers(1, left.refundable_fen))
        part = refund_slice(left, order_fen=amount, now=NOW, valid_until=UNTIL)
        assert part.payer_fen >= 0
        assert min(part.parts) >= 0
        assert sum(part.parts) == part.subsidy_fen
        parts = [old + new for old, new in zip(parts, part.parts, strict=True)]
        left = _after(left, part)
        # Nobody gets more than was requested of the order.
        assert left.refunded_payer_fen + left.refunded_subsidy_fen <= left.refunded_order_fen
    if left.refundable_fen:
        left = _after(
            left, refund_slice(left, order_fen=left.refundable_fen, now=NOW, valid_until=UNTIL)
        )
    assert (left.refunded_payer_fen, left.refunded_subsidy_fen) == (payer, subsidy)
