"""What a voucher takes off a payment (domain-rules §3)."""

from bisect import bisect_left

import msgspec

from core.errors import Refusal
from core.money import split_parts
from redemption.rules.facts import PaymentFacts, VoucherFacts
from redemption.rules.items import discounted, exchange_price, uncounted_fen, until_worth_a_fen
from vouchers.rules.benefit_model import ExchangeBenefit, RandomBenefit, TiersBenefit
from vouchers.rules.benefits import ceiling_of, least_base, subsidy_of

TOLD_ITEMS = 5
"""Of a long list of goods a refusal names so many; the rules page says how many there are."""
PAYER_MIN_FEN = 1
"""A customer pays something himself, unless he exchanges a voucher for an item."""


class Amounts(msgspec.Struct, frozen=True):
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
    base = _base(voucher, payment)
    subsidy = _subsidy(voucher, base)
    if isinstance(voucher.rules.benefit, ExchangeBenefit):
        # The bank's offer comes first too: nobody is paid for what is not to be paid.
        subsidy = min(subsidy, payment.order_fen - payment.other_discount_fen)
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

    Goods that the voucher does not count do not, unless ``count_excluded``. The payer pays at
    least 0.01 and a percentage gives at least 0.01: where other discounts leave too little, the
    shortfall is counted on the basis PAYABLE. Of two shortfalls the larger is told, since buying
    for it mends both. Who exchanges a voucher pays nothing where its item is all he buys.
    """
    excluded_fen = 0 if count_excluded else _excluded(voucher, payment)
    benefit = voucher.rules.benefit
    base = _base(voucher, payment, excluded_fen)
    left = payment.order_fen - excluded_fen - payment.other_discount_fen
    if isinstance(benefit, ExchangeBenefit):
        unpaid = _until_exchanged(benefit, payment, left)
    else:
        unpaid = _until_paid(voucher, base, left)
    asked = (
        (least_base(benefit) - base, benefit.basis, base, least_base(benefit)),
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
    if voucher.rules.use.items:
        data["items"] = list(voucher.rules.use.items[:TOLD_ITEMS])
    return [Refusal("redemption.below_threshold", data)]


def ceiling_excess(voucher: VoucherFacts, payment: PaymentFacts) -> list[Refusal]:
    """Return by how much the price is above the ceiling (6,000.00 is eligible, 6,000.01 is not)."""
    base, ceiling = _base(voucher, payment), ceiling_of(voucher.rules.benefit)
    if ceiling is None or base <= ceiling:
        return []
    data = {"price_fen": base, "ceiling_fen": ceiling, "excess_fen": base - ceiling}
    return [Refusal("redemption.above_ceiling", data)]


def _excluded(voucher: VoucherFacts, payment: PaymentFacts) -> int:
    return uncounted_fen(voucher.rules.use, payment.order_fen, payment.items)


def _base(voucher: VoucherFacts, payment: PaymentFacts, excluded_fen: int | None = None) -> int:
    """Return the amount that the benefit is measured on.

    Of an exchange it is the price of the item, less its share of what the merchant takes off.
    """
    benefit = voucher.rules.benefit
    if isinstance(benefit, ExchangeBenefit):
        return discounted(exchange_price(benefit, payment.items), **_offer(payment))
    if excluded_fen is None:
        excluded_fen = _excluded(voucher, payment)
    base = payment.order_fen - excluded_fen
    match benefit.basis:
        case "ORDER":
            return base
        case "AFTER_MERCHANT_DISCOUNTS":
            return base - (payment.other_discount_fen - payment.bank_discount_fen)
        case "AFTER_DISCOUNTS":
            return base - payment.other_discount_fen


def _subsidy(voucher: VoucherFacts, base: int) -> int:
    benefit = voucher.rules.benefit
    # Drawn only where it is asked for: a digest costs as much as all else here.
    draw = voucher.draw if isinstance(benefit, RandomBenefit) else 0
    return subsidy_of(benefit, face_fen=voucher.face_fen, base_fen=base, draw=draw)


def _offer(payment: PaymentFacts) -> dict[str, int]:
    """Return the merchant's discount and the order that it is spread over, for `discounted`."""
    discount_fen = payment.other_discount_fen - payment.bank_discount_fen
    return {"discount_fen": discount_fen, "order_fen": payment.order_fen}


def _until_exchanged(benefit: ExchangeBenefit, payment: PaymentFacts, left: int) -> int:
    """Return how much more has to be bought before a fen of the item is left to be paid."""
    price = exchange_price(benefit, payment.items)
    worth = until_worth_a_fen(price, **_offer(payment)) if price else 0
    return max(1 - left, worth, 0)


def _until_paid(voucher: VoucherFacts, base: int, left: int) -> int:
    """Return how much more has to be bought before the payer pays something himself."""
    benefit = voucher.rules.benefit
    if isinstance(benefit, TiersBenefit):
        return _until_paid_in_a_tier(benefit, base, left)
    if isinstance(benefit, RandomBenefit):
        # Whatever is drawn, before or after.
        return max(voucher.face_fen + PAYER_MIN_FEN - left, 0)
    if left - _subsidy(voucher, base) >= PAYER_MIN_FEN:
        return 0
    most = voucher.face_fen + PAYER_MIN_FEN - left
    # What he pays grows with the order, since no percentage takes all of it.
    return bisect_left(
        range(most), PAYER_MIN_FEN, key=lambda more: left + more - _subsidy(voucher, base + more)
    )


def _until_paid_in_a_tier(benefit: TiersBenefit, base: int, left: int) -> int:
    """Return the same where a step to a higher tier may take more off than it adds."""
    ends = [*(tier.from_fen for tier in benefit.tiers[1:]), None]
    needed = (
        (max(tier.from_fen - base, tier.subsidy_fen + PAYER_MIN_FEN - left, 0), end)
        for tier, end in zip(benefit.tiers, ends, strict=True)
    )
    return min(more for more, end in needed if end is None or base + more < end)
