"""A quote asks the database as often for one voucher and store as for many."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from msgspec.structs import replace

from redemption.rules.items import Item
from redemption.services.quote import redemptions_quote
from tests.factories.campaigns import BatchPlan, campaign_live
from tests.factories.claims import vouchers_issued
from tests.factories.merchants import (
    acquirer_client,
    brand_make,
    merchant_make,
    store_make,
    terminal_make,
)
from tests.factories.persons import enrolment_make
from tests.factories.redemption import Shop
from vouchers.models import Enrolment
from vouchers.rules.model import ItemRule, LimitRule, UseScope

pytestmark = pytest.mark.django_db
EACH = LimitRule(
    code="each", side="CLAIM", scope="BATCH", window="TOTAL", count=1, keys=("DOCUMENT",)
)

GOODS = (ItemRule(name="米", sku="rice"),)
USES = (
    *[UseScope()] * 17,
    UseScope(stores=("S1",)),
    UseScope(brands=("b1",)),
    UseScope(items=GOODS, stores=("S1",)),
)


def statements(shop: Shop, person: Enrolment, usable: int) -> int:
    rice = Item(10_000, sku="rice")
    payment = replace(shop.payment(items=(rice,)), client_id=person.client_id, person_id=person.pk)
    with CaptureQueriesContext(connection) as found:
        (outcome,) = redemptions_quote(payments=[payment])
    assert outcome.quote is not None
    assert len(outcome.quote.usable) == usable
    return len(found)


def test_a_wallet_of_twenty_and_a_list_of_thirty_stores_cost_no_statement_more() -> None:
    store = store_make(merchant_make(brand=brand_make(code="b1")), store_no="S1")
    terminal = terminal_make(store)
    live = campaign_live(
        batches=[BatchPlan(limits=(EACH,), units=2, use=use) for use in USES],
        stores=[terminal.store, *(store_make() for _ in range(29))],
    )
    shop = Shop(live, terminal, acquirer_client(terminal.acquirer))
    full, single = enrolment_make(), enrolment_make()
    for batch in live.batches:
        vouchers_issued(batch, enrolments=[full])
    vouchers_issued(live.batches[0], enrolments=[single])
    assert statements(shop, single, 1) == statements(shop, full, 20) <= 5
