"""What a voucher takes off a payment (domain-rules §3)."""

from bisect import bisect_left
from dataclasses import dataclass

from core.errors import Refusal
from core.money import div_half_up, split_parts
from redemption.rules.facts import PaymentFacts, VoucherFacts
from vouchers.rules.model import FULL_BP, PercentageBenefit

PAYER_MIN_FEN = 1
"""A customer always pays something himself."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """``order = subsidy + other_discount + payable`` in fen; ``parts`` of the subsidy by funder."""

    order_fen: int
    other_discount_fen: int
    subsidy_fen: int
    payable_fen: int
    parts: tuple[int, ...]


def amounts(voucher: VoucherFacts, payment: PaymentFacts) -> Amounts:
    """Return the amounts of a payment with one voucher, as if `threshold_shortfall` let it pass.

    A part of the face is split over its funders by the nested rule (architecture.md, Money).
    """
    subsidy = _subsidy(voucher, _base(voucher, payment))
    whole = subsidy == voucher.face_fen
    return Amounts(
        order_fen=payment.order_fen,
        other_discount_fen=payment.other_discount_fen,
        subsidy_fen=subsidy,
        payable_fen=payment.order_fen - payment.other_discount_fen - subsidy,
        parts=voucher.parts if whole else tuple(split_parts(voucher.parts, subsidy)),
    )


def threshold_shortfall(
    voucher: VoucherFacts, payment: PaymentFacts, *, count_excluded: bool = False
) -> list[Refusal]:
    """Return what is missing to the threshold (``≥``: 99.99 fails, 100.00 passes 满100).

    Goods that the voucher excludes do not count, unless ``count_excluded``. The payer pays at
    least 0.01 and a percentage gives at least 0.01: where other discounts leave too little, the
    shortfall is counted on the basis PAYABLE. Of two shortfalls the larger is told, since buying
    for it mends both.
    """
    excluded_fen = 0 if count_excluded else _excluded(voucher, payment)
    benefit = voucher.rules.benefit
    base = _base(voucher, payment, excluded_fen)
    left = payment.order_fen - excluded_fen - payment.other_discount_fen
    unpaid = _until_paid(voucher, base, left)
    asked = (
        (_least_base(voucher) - base, benefit.basis, base, _least_base(voucher)),
        (unpaid, "PAYABLE", left, left + unpaid),
    )
    # Who buys for the larger shortfall reaches both.
    shortfall, basis, reached, wanted = max(asked, key=lambda one: one[0])
    if shortfall <= 0:
        return []
    data = {
        "shortfall_fen": shortfall,
        "basis": basis,
        "basis_fen": reached,
        "threshold_fen": wanted,
    }
    return [Refusal("redemption.below_threshold", data)]


def _excluded(voucher: VoucherFacts, payment: PaymentFacts) -> int:
    return payment.excluded_fen(voucher.rules.use.excluded_goods)


def _base(voucher: VoucherFacts, payment: PaymentFacts, excluded_fen: int | None = None) -> int:
    """Return the amount that the threshold and a percentage are measured on."""
    if excluded_fen is None:
        excluded_fen = _excluded(voucher, payment)
    base = payment.order_fen - excluded_fen
    match voucher.rules.benefit.basis:
        case "ORDER":
            return base
        case "AFTER_MERCHANT_DISCOUNTS":
            return base - (payment.other_discount_fen - payment.bank_discount_fen)
        case "AFTER_DISCOUNTS":
            return base - payment.other_discount_fen


def _subsidy(voucher: VoucherFacts, base: int) -> int:
    """Return the face, or for a percentage ``min(half_up(base × rate), cap)``."""
    benefit = voucher.rules.benefit
    if isinstance(benefit, PercentageBenefit):
        return min(div_half_up(max(base, 0) * benefit.rate_bp, FULL_BP), voucher.face_fen)
    return voucher.face_fen


def _least_base(voucher: VoucherFacts) -> int:
    """Return the threshold; of a percentage also the least amount that gives a fen."""
    benefit = voucher.rules.benefit
    if isinstance(benefit, PercentageBenefit):
        return max(benefit.threshold_fen, -(-FULL_BP // (2 * benefit.rate_bp)))
    return benefit.threshold_fen


def _until_paid(voucher: VoucherFacts, base: int, left: int) -> int:
    """Return how much more has to be bought before the payer pays something himself.

    What he pays grows with the order, since no percentage takes all of it.
    """

    def payable(more: int) -> int:
        return left + more - _subsidy(voucher, base + more)

    if payable(0) >= PAYER_MIN_FEN:
        return 0
    most = voucher.face_fen + PAYER_MIN_FEN - left
    return bisect_left(range(most), PAYER_MIN_FEN, key=payable)
