"""The goods of an order, and what of them a voucher counts (domain-rules §3, Scope)."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from core.money import div_half_up
from vouchers.rules.benefit_model import ExchangeBenefit
from vouchers.rules.model import KEPT_RULES, BatchRules, ItemRule, UseScope


class Item(msgspec.Struct, frozen=True):
    """A line of the order: ``quantity`` pieces for ``amount_fen`` together, before discounts.

    ``sku`` is the shop's or the 69-code, ``category`` what kind of goods it is; either may be
    empty. The goods that batches generally exclude are categories too.
    """

    amount_fen: int
    sku: str = ""
    category: str = ""
    quantity: int = 1
    name: str = ""

    @property
    def code(self) -> str:
        """What a refusal names it by."""
        return self.sku or self.category

    def plain(self) -> dict[str, Any]:
        """Return what is kept of it with the redemption."""
        texts = {"sku": self.sku, "category": self.category, "name": self.name}
        told = {name: text for name, text in texts.items() if text}
        return {**told, "quantity": self.quantity, "amount_fen": self.amount_fen}


def items_merged(items: Iterable[Item]) -> tuple[Item, ...]:
    """Add lines of the same goods up, in order of their codes; what names nothing is left out.

    A till that scans a piece twice says two lines: they are the same as one of two pieces.
    """
    merged: dict[tuple[str, str], Item] = {}
    for item in items:
        if not item.code:
            continue
        key = (item.sku, item.category)
        same = merged.get(key)
        merged[key] = (
            item
            if same is None
            else Item(
                same.amount_fen + item.amount_fen,
                *key,
                same.quantity + item.quantity,
                same.name or item.name,
            )
        )
    return tuple(merged[key] for key in sorted(merged))


def uncounted(use: UseScope, items: Iterable[Item]) -> Iterator[Item]:
    """Yield the lines whose amount a voucher does not count: excluded, or not among its items.

    What is excluded stays so, whatever else names it.
    """
    return (item for item in items if not _is_counted(use, item))


def uncounted_fen(use: UseScope, order_fen: int, items: Sequence[Item]) -> int:
    """Return what of an order does not count towards threshold and base, in fen.

    Where a voucher is for certain items, goods that the till does not name do not count either.
    """
    if use.items:
        return order_fen - sum(item.amount_fen for item in items if _is_counted(use, item))
    return sum(item.amount_fen for item in uncounted(use, items))


def looks_at_items(rules: BatchRules) -> bool:
    """Tell whether it matters to a voucher what is in the order."""
    use = rules.use
    exchanged = isinstance(rules.benefit, ExchangeBenefit)
    return bool(exchanged or use.items or use.excluded_items or use.excluded_goods)


def pieces_of(sku: str, items: Iterable[Item]) -> int:
    """Return how many pieces of an item are in the order."""
    return sum(item.quantity for item in items if item.sku == sku)


def exchange_price(benefit: ExchangeBenefit, items: Sequence[Item]) -> int:
    """Return what the pieces that a voucher is exchanged for cost, in fen; 0 without enough.

    Of more pieces than it is for, their share of the whole price, rounded down and at least a fen.
    """
    pieces = pieces_of(benefit.sku, items)
    if pieces < benefit.quantity:
        return 0
    fen = sum(item.amount_fen for item in items if item.sku == benefit.sku)
    return max(1, fen * benefit.quantity // pieces)


def discounted(price_fen: int, *, discount_fen: int, order_fen: int) -> int:
    """Return what goods cost once the merchant's discount on the whole order is spread over it.

    Each has its share by price, half up to the fen, since no till tells what it was given for:
    goods of 30.00 in an order of 100.00 less 10.00 cost 27.00 (domain-rules §7: bases are after
    merchant discounts).
    """
    return price_fen - div_half_up(price_fen * discount_fen, order_fen)


def until_worth_a_fen(price_fen: int, *, discount_fen: int, order_fen: int) -> int:
    """Return how much more has to be bought before goods cost a fen `discounted`; 0 if they do."""
    # price - half_up(price * discount / order) >= 1, solved for the order.
    least = 2 * price_fen * discount_fen // (2 * price_fen - 1) + 1
    return max(0, least - order_fen)


def _is_counted(use: UseScope, item: Item) -> bool:
    if item.category in use.excluded_goods or _named(use.excluded_items, item):
        return False
    return not use.items or _named(use.items, item)


def _named(rules: tuple[ItemRule, ...], item: Item) -> bool:
    if not rules:
        return False
    skus, categories = _codes(rules)
    return item.sku in skus or item.category in categories


@lru_cache(KEPT_RULES)
def _codes(rules: tuple[ItemRule, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the numbers and the categories that rules name: asked for each line of an order."""
    return (
        frozenset(rule.sku for rule in rules if rule.sku),
        frozenset(rule.category for rule in rules if rule.category),
    )
