"""A django-oscar shop with vouchers of limited use and a basket for everybody who wants one.

python -m bench.published.oscar_shop < PLANS    # in oscar's environment; prints ids as JSON
"""

import json
import os
import sys
from datetime import timedelta
from decimal import Decimal
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "bench.published.oscar_settings"
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402 - these read settings
from django.core.management import call_command  # noqa: E402
from django.utils.timezone import now  # noqa: E402
from oscar.core.loading import get_model  # noqa: E402

PRICE = Decimal("6.00")
OFF = Decimal("1.00")


def voucher_make(plan: dict[str, Any], product: Any, record: Any) -> dict[str, Any]:
    """Make one voucher with its offer, and its baskets.

    ``usage`` is oscar's own word; ``most`` the offer's max_global_applications or None;
    ``baskets`` how many customers come, each with one basket that has the voucher.
    """
    name = plan["name"]
    whole = get_model("offer", "Range").objects.create(
        name=name, slug=name, includes_all_products=True
    )
    offer = get_model("offer", "ConditionalOffer").objects.create(
        name=name,
        slug=name,
        offer_type="Voucher",
        condition=get_model("offer", "Condition").objects.create(
            range=whole, type="Count", value=1
        ),
        benefit=get_model("offer", "Benefit").objects.create(
            range=whole, type="Absolute", value=OFF
        ),
        max_global_applications=plan["most"],
        max_basket_applications=1,
    )
    voucher = get_model("voucher", "Voucher").objects.create(
        name=name,
        code=name,
        usage=plan["usage"],
        start_datetime=now() - timedelta(days=1),
        end_datetime=now() + timedelta(days=1),
    )
    voucher.offers.add(offer)
    people = get_user_model().objects.bulk_create(
        get_user_model()(username=f"{name}-{n}", email=f"{name}-{n}@example.org")
        for n in range(plan["baskets"])
    )
    basket_model = get_model("basket", "Basket")
    baskets = basket_model.objects.bulk_create(basket_model(owner=one) for one in people)
    line_model = get_model("basket", "Line")
    line_model.objects.bulk_create(
        line_model(
            basket=basket,
            line_reference=f"{product.pk}_{record.pk}",
            product=product,
            stockrecord=record,
            quantity=1,
            price_currency=record.price_currency,
            price_excl_tax=PRICE,
            price_incl_tax=PRICE,
        )
        for basket in baskets
    )
    through = basket_model.vouchers.through
    through.objects.bulk_create(
        through(basket_id=basket.pk, voucher_id=voucher.pk) for basket in baskets
    )
    return {
        "voucher": voucher.pk,
        "offer": offer.pk,
        "baskets": [basket.pk for basket in baskets],
    }


def _product() -> tuple[Any, Any]:
    """Return something to buy that never runs out and is not sent: stock shall decide nothing."""
    kind, _ = get_model("catalogue", "ProductClass").objects.get_or_create(
        name="thing", requires_shipping=False, track_stock=False
    )
    product, _ = get_model("catalogue", "Product").objects.get_or_create(
        title="thing", product_class=kind, structure="standalone"
    )
    partner, _ = get_model("partner", "Partner").objects.get_or_create(name="seller")
    record, _ = get_model("partner", "StockRecord").objects.get_or_create(
        product=product, partner=partner, partner_sku="thing", defaults={"price": PRICE}
    )
    return product, record


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    thing = _product()
    made = [voucher_make(plan, *thing) for plan in json.load(sys.stdin)]
    sys.stdout.write(json.dumps(made) + "\n")
