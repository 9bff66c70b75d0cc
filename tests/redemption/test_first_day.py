"""Tables that were analysed while they were empty, as on the first day, are not read whole.

What a session plans then it keeps until somebody analyses them again. A group of claims, holds or
confirms may look at its own rows and those beside them, not at everybody's: else the second hour
of a campaign is slower than its first.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction

from redemption.services.confirm import redemptions_confirm
from redemption.services.hold import redemptions_hold
from redemption.services.requests import ConfirmCommand
from redemption.services.unhold import redemptions_time_out
from tests.factories.campaigns import BatchPlan
from tests.factories.claims import vouchers_issued
from tests.factories.persons import enrolment_make
from tests.factories.redemption import (
    AT,
    Shop,
    confirm_command,
    hold_command,
    shop_make,
)
from vouchers.models import Voucher
from vouchers.rules.model import LimitRule

MANY, FEW = 300, 5
MOST_ROWS = 60
"""Of a table, that a group of ``FEW`` may look at."""
TABLES = (
    "core_account",
    "core_entry",
    "core_posting",
    "vouchers_enrolment",
    "vouchers_enrolmentkey",
    "vouchers_claim",
    "vouchers_voucher",
    "vouchers_limituse",
    "redemption_redemption",
    "redemption_redemptionline",
    "redemption_redemptionstep",
)
LIMITS = tuple(
    LimitRule(
        code=side.lower(), side=side, scope="BATCH", window="TOTAL", count=1, keys=("DOCUMENT",)
    )
    for side in ("CLAIM", "REDEMPTION")
)
_READ = """
    SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)
      FROM pg_stat_xact_user_tables WHERE relname = ANY(%s)
"""


def rows_read() -> Counter[str]:
    """Return how many rows of each table this transaction has looked at so far."""
    with connection.cursor() as cursor:
        cursor.execute(_READ, [list(TABLES)])
        return Counter(dict(cursor.fetchall()))


def looked_at(act: Callable[[], object]) -> Counter[str]:
    with transaction.atomic():
        before = rows_read()
        act()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        return rows_read() - before


def count_alone() -> None:
    """Keep the server from counting rows by itself: at a bad moment it would tell plans more."""
    with connections["owner"].cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")


def analyse() -> None:
    """Count rows as they are now."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE")


def held(shop: Shop, vouchers: Sequence[Voucher]) -> list[ConfirmCommand]:
    outcomes = redemptions_hold(
        commands=[hold_command(shop.payment(voucher=voucher)) for voucher in vouchers]
    )
    facts = [outcome.fact for outcome in outcomes if outcome.fact]
    assert len(facts) == len(vouchers)
    return [confirm_command(fact.redemption_id) for fact in facts]


@pytest.mark.parametrize("waiting", ["confirmed", "held"])
@pytest.mark.parametrize("analysed", ["never", "while empty", "after the claims"])
@pytest.mark.usefixtures("own_database")
def test_a_group_looks_at_its_own_rows_though_nobody_expected_more(
    analysed: str, waiting: str
) -> None:
    shop = shop_make(batches=[BatchPlan(units=MANY + 2 * FEW, limits=LIMITS)])
    count_alone()
    if analysed == "while empty":
        analyse()
    first, many = vouchers_issued(shop.batch, FEW), vouchers_issued(shop.batch, MANY)
    redemptions_confirm(commands=held(shop, first))
    if analysed == "after the claims":
        analyse()
    confirms = held(shop, many)
    if waiting == "confirmed":
        redemptions_confirm(commands=confirms)
    people = [enrolment_make(many[0].client) for _ in range(FEW)]
    last: list[Voucher] = []
    confirms = []
    for act in (
        lambda: last.extend(vouchers_issued(shop.batch, FEW, enrolments=people)),
        lambda: confirms.extend(held(shop, last)),
        lambda: redemptions_confirm(commands=confirms),
    ):
        seen = looked_at(act)
        assert max(seen.values()) <= MOST_ROWS, seen


@pytest.mark.usefixtures("own_database")
def test_holds_that_time_out_look_at_their_own_rows_too() -> None:
    shop = shop_make(batches=[BatchPlan(units=MANY + 2 * FEW, limits=LIMITS)])
    count_alone()
    analyse()
    late = AT + timedelta(hours=1)
    held(shop, vouchers_issued(shop.batch, FEW))
    assert redemptions_time_out(now=late) == FEW
    redemptions_confirm(commands=held(shop, vouchers_issued(shop.batch, MANY)))
    held(shop, vouchers_issued(shop.batch, FEW))
    seen = looked_at(lambda: redemptions_time_out(now=late))
    assert max(seen.values()) <= MOST_ROWS, seen
    assert seen["core_posting"] > 0
