"""What a voucher takes off a payment (domain-rules §3), and which of several is the best."""

from collections.abc import Iterable
from dataclasses import dataclass

from core.errors import Refusal
from redemption.rules.facts import VoucherFacts
from vouchers.rules.model import Benefit

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


def threshold_shortfall(
    benefit: Benefit, *, face_fen: int, order_fen: int, other_discount_fen: int
) -> list[Refusal]:
    """Return what is missing to the threshold (``≥``: 99.99 fails, 100.00 passes 满100).

    A voucher is used with its whole face or not at all, and the payer pays at least 0.01: where
    other discounts leave less, the shortfall is counted on the basis PAYABLE. Of two shortfalls
    the larger is told, since buying for it mends both.
    """
    after_discounts = order_fen - other_discount_fen
    basis_fen = order_fen if benefit.basis == "ORDER" else after_discounts
    least_fen = face_fen + PAYER_MIN_FEN
    asked = (
        (benefit.threshold_fen - basis_fen, benefit.basis, basis_fen, benefit.threshold_fen),
        (least_fen - after_discounts, "PAYABLE", after_discounts, least_fen),
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


def amounts(voucher: VoucherFacts, *, order_fen: int, other_discount_fen: int) -> Amounts:
    """Return the amounts of a payment with one voucher that `threshold_shortfall` lets pass."""
    return Amounts(
        order_fen=order_fen,
        other_discount_fen=other_discount_fen,
        subsidy_fen=voucher.face_fen,
        payable_fen=order_fen - other_discount_fen - voucher.face_fen,
        parts=voucher.parts,
    )


def ranked(vouchers: Iterable[VoucherFacts]) -> list[VoucherFacts]:
    """Order usable vouchers: largest subsidy, then earliest expiry, then id."""
    return sorted(vouchers, key=lambda one: (-one.face_fen, one.valid_until, one.voucher_id))
