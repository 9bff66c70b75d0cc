"""Refunds (domain-rules §6): cumulative half-up shares, funder slices, the fate of the voucher."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from core.errors import Refusal
from core.money import div_half_up, split_parts
from redemption.states import RedemptionState, VoucherFate
from vouchers.rules.model import RefundPolicy
from vouchers.rules.refund_limits import MAX_AGE, MAX_REFUNDS

KEEPS_USED: frozenset[RefundPolicy] = frozenset({"ALWAYS_CONSUMED", "CASH_ONLY"})
"""Policies under which no refund, not even of everything, gives a voucher back."""


class RefundedSoFar(msgspec.Struct, frozen=True):
    """A confirmed payment (T, C, V of domain-rules §6) and what was refunded of it, in fen."""

    order_fen: int
    other_discount_fen: int
    payer_fen: int
    subsidy_fen: int
    parts: tuple[int, ...]
    refunded_order_fen: int = 0
    refunded_payer_fen: int = 0
    refunded_subsidy_fen: int = 0
    count: int = 0

    @property
    def refundable_fen(self) -> int:
        """What is left of the order."""
        return self.order_fen - self.refunded_order_fen


class RefundSlice(msgspec.Struct, frozen=True):
    """One refund: amounts of this slice alone, the subsidy by funder, and the voucher's fate."""

    order_fen: int
    payer_fen: int
    subsidy_fen: int
    parts: tuple[int, ...]
    voucher_fate: VoucherFate


def refund_refusals(
    payment: RefundedSoFar,
    *,
    state: str,
    confirmed_at: datetime | None,
    order_fen: int,
    now: datetime,
    whole_only: bool = False,
) -> list[Refusal]:
    """Return every reason why ``order_fen`` cannot be refunded now.

    ``whole_only``: no part can, since nobody knows whether it is the item that was exchanged.
    """
    if state != RedemptionState.CONFIRMED or confirmed_at is None:
        return [Refusal("redemption.state_conflict", {"state": state})]
    refusals = []
    if order_fen > payment.refundable_fen:
        data = {"refundable_fen": payment.refundable_fen, "requested_fen": order_fen}
        refusals.append(Refusal("refund.exceeds", data))
    elif whole_only and order_fen < payment.order_fen:
        refusals.append(Refusal("refund.whole_only", {"order_fen": payment.order_fen}))
    if payment.count >= MAX_REFUNDS:
        refusals.append(Refusal("refund.count_limit", {"limit": MAX_REFUNDS}))
    if now >= confirmed_at + MAX_AGE:
        refusals.append(Refusal("refund.too_old", {"limit_days": MAX_AGE.days}))
    return refusals


def refund_slice(
    payment: RefundedSoFar,
    *,
    order_fen: int,
    now: datetime,
    valid_until: datetime,
    policy: RefundPolicy = "PRO_RATA_KEEP_USED",
) -> RefundSlice:
    """Return the next slice of a refund that `refund_refusals` lets pass.

    By share: ``payer_k = half_up(R_k·C/T) − payer_1..k−1``, ``subsidy_k = half_up(R_k·V/T) −
    subsidy_1..k−1`` and with no other discount ``subsidy_k = r_k − payer_k``: never rounded per
    slice. OWN_MONEY_FIRST gives the payer's own money back before any subsidy; CASH_ONLY leaves
    the subsidy where it is. A refund of the whole order at once decides about the voucher
    (`_fate`); a last slice that completes the order is still partial.
    """
    total = payment.refunded_order_fen + order_fen
    payer, subsidy = _cumulative(payment, total, policy)
    return RefundSlice(
        order_fen=order_fen,
        payer_fen=payer - payment.refunded_payer_fen,
        subsidy_fen=subsidy - payment.refunded_subsidy_fen,
        parts=parts_between(payment.parts, payment.refunded_subsidy_fen, subsidy),
        voucher_fate=_fate(
            payment, order_fen=order_fen, now=now, valid_until=valid_until, policy=policy
        ),
    )


def _cumulative(payment: RefundedSoFar, total: int, policy: RefundPolicy) -> tuple[int, int]:
    """Return what payer and funders have got back in all once ``total`` of the order is."""
    if policy == "OWN_MONEY_FIRST":
        money = payment.payer_fen + payment.subsidy_fen
        back = div_half_up(total * money, payment.order_fen)
        payer = min(back, payment.payer_fen)
        return payer, back - payer
    payer = div_half_up(total * payment.payer_fen, payment.order_fen)
    if policy == "CASH_ONLY":
        return payer, 0
    if payment.other_discount_fen:
        return payer, div_half_up(total * payment.subsidy_fen, payment.order_fen)
    return payer, total - payer


def parts_between(parts: Sequence[int], before_fen: int, after_fen: int) -> tuple[int, ...]:
    """Return the slice between two cumulative amounts, by funder; never negative."""
    before, after = split_parts(parts, before_fen), split_parts(parts, after_fen)
    return tuple(new - old for new, old in zip(after, before, strict=True))


def returned_or_expired(*, now: datetime, valid_until: datetime) -> VoucherFate:
    """Return the fate of a voucher whose whole payment is undone: request time decides."""
    return VoucherFate.RETURNED if now < valid_until else VoucherFate.EXPIRED


def _fate(
    payment: RefundedSoFar,
    *,
    order_fen: int,
    now: datetime,
    valid_until: datetime,
    policy: RefundPolicy,
) -> VoucherFate:
    """Return what becomes of the voucher (domain-rules §6, the table).

    Given back with its old expiry, where everything is refunded at once; under QUOTA_CONSUMED it
    is voided instead, so that its money comes back and the person's quota does not.
    """
    whole = payment.count == 0 and order_fen == payment.order_fen
    if not whole or policy in KEEPS_USED:
        return VoucherFate.KEPT_USED
    fate = returned_or_expired(now=now, valid_until=valid_until)
    if policy == "QUOTA_CONSUMED" and fate == VoucherFate.RETURNED:
        return VoucherFate.VOIDED
    return fate
