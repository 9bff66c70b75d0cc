"""A worker that buys with a voucher by django-oscar's own functions, one basket after the other.

``checkout``: what its checkout does with a basket: `Applicator.apply`, then
`OrderCreator.place_order`, which locks the voucher, asks `Voucher.is_available_to_user`, and calls
`ConditionalOffer.record_usage`, `Voucher.record_discount` and `Voucher.record_usage`.
``voucher``: only those calls in the same order, in one transaction, on orders written beforehand:
all that is left when a shop's products, prices and lines are taken away.
"""

import os
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "bench.published.oscar_settings"
django.setup()

from django.db import transaction  # noqa: E402 - these read settings
from django.utils.timezone import now  # noqa: E402
from oscar.core.loading import get_class, get_model  # noqa: E402

from bench.published.gate import worker_run  # noqa: E402

Basket, Order = get_model("basket", "Basket"), get_model("order", "Order")
Voucher = get_model("voucher", "Voucher")
Applicator = get_class("offer.applicator", "Applicator")
NoShippingRequired = get_class("shipping.methods", "NoShippingRequired")
OrderCreator = get_class("order.utils", "OrderCreator")
OrderTotalCalculator = get_class("checkout.calculators", "OrderTotalCalculator")
Selector = get_class("partner.strategy", "Selector")
OFF = Decimal("1.00")


def checkout(basket_id: int) -> int:
    """Buy a basket; 0 if the voucher takes nothing off any more, and nothing is bought then."""
    basket = Basket.objects.select_related("owner").get(pk=basket_id)
    basket.strategy = Selector().strategy(user=basket.owner)
    Applicator().apply(basket, basket.owner)
    if not basket.offer_applications.voucher_discounts:
        return 0
    method = NoShippingRequired()
    charge = method.calculate(basket)
    OrderCreator().place_order(
        basket,
        OrderTotalCalculator().calculate(basket, charge),
        method,
        charge,
        user=basket.owner,
    )
    basket.submit()
    return 1


def voucher_use(order_id: int, voucher_id: int) -> int:
    """Use the voucher for an order that is there already; 0 if it takes nothing off any more."""
    order = Order.objects.select_related("user").get(pk=order_id)
    voucher = Voucher.objects.get(pk=voucher_id)
    available, _ = voucher.is_available_to_user(user=order.user)
    offers = [one for one in voucher.offers.all() if one.is_available(order.user)]
    if not (available and voucher.is_active() and offers):
        return 0
    with transaction.atomic():
        locked = Voucher.objects.select_for_update().get(pk=voucher_id)
        available, _ = locked.is_available_to_user(user=order.user)
        if not (available and locked.is_active()):
            return 0
        discount = {"freq": 1, "discount": OFF, "offer": offers[0], "voucher": voucher}
        OrderCreator().record_discount(discount)
        OrderCreator().record_voucher_usage(order, locked, order.user)
    return 1


def _make(plan: dict[str, Any]) -> tuple[list[int], Callable[[int], int]]:
    if plan["way"] == "checkout":
        Basket.objects.exists()
        return plan["baskets"], checkout
    baskets = Basket.objects.filter(pk__in=plan["baskets"])
    orders = Order.objects.bulk_create(
        Order(
            number=f"ready-{basket.pk}",
            basket=basket,
            user_id=basket.owner_id,
            date_placed=now(),
            total_incl_tax=OFF,
            total_excl_tax=OFF,
        )
        for basket in baskets
    )
    return [one.pk for one in orders], lambda order_id: voucher_use(order_id, plan["voucher"])


if __name__ == "__main__":
    worker_run(_make)
