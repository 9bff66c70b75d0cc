"""The locks of groups are taken in the order of their keys, in whatever order they are asked for.

Somebody else has the row in the middle: a group that waits for it has what comes before it, and
nothing of what comes after. Two groups that lock otherwise wait for each other.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections

from core.embedded.record import ServiceUrls
from core.transactions import transaction
from tests.concurrency.test_redemption_races import wait_until_blocked
from tests.factories.campaigns import BatchPlan
from tests.factories.claims import vouchers_issued
from tests.factories.redemption import AT, held_make, shop_make

FREE = "SELECT {columns} FROM {table} ORDER BY {columns} FOR NO KEY UPDATE SKIP LOCKED"
COUNT, MIDDLE = 9, 4

Keys = list[tuple[Any, ...]]


def execute(statement: str, values: Sequence[Any] = ()) -> Keys:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def vouchers() -> tuple[str, str, str]:
    shop = shop_make(batches=[BatchPlan(units=COUNT)])
    vouchers_issued(shop.batch, COUNT)
    return "vouchers_voucher", "id", "vouchers_lock(%s::uuid[])"


def redemptions() -> tuple[str, str, str]:
    shop = shop_make(batches=[BatchPlan(units=COUNT)])
    for voucher in vouchers_issued(shop.batch, COUNT):
        held_make(shop, voucher=voucher)
    return "redemption_redemption", "id", "redemptions_lock(%s::uuid[])"


def limits() -> tuple[str, str, str]:
    """Rows that differ in each part of their key, written in the reverse of its order."""
    for key in reversed(range(COUNT)):
        execute(
            "INSERT INTO vouchers_limituse (limit_id, window_start, key_id, used, cap)"
            " VALUES (%s, %s, %s, 0, 1)",
            [1 + key // 6, AT + timedelta(days=key // 3 % 2), 1 + key % 3],
        )
    columns = "limit_id, window_start, key_id"
    call = "vouchers_limits_lock(%s::bigint[], %s::timestamptz[], %s::bigint[])"
    return "vouchers_limituse", columns, call


@pytest.mark.parametrize("analysed", [False, True])
@pytest.mark.parametrize("made", [vouchers, redemptions, limits])
@pytest.mark.broken_books
def test_a_group_that_waits_has_what_comes_before_and_no_more(
    own_database: ServiceUrls, made: Any, analysed: bool
) -> None:
    table, columns, call = made()
    if analysed:
        with connections["owner"].cursor() as cursor:
            cursor.execute(f"ANALYZE {table}")
    keys = execute(f"SELECT {columns} FROM {table} ORDER BY {columns}")
    assert len(keys) == COUNT
    same = " AND ".join(f"{column} = %s" for column in columns.split(", "))

    def group() -> None:
        try:
            with transaction():
                asked = [*reversed(keys), *keys[::2]]
                execute(f"SELECT {call}", [list(part) for part in zip(*asked, strict=True)])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction():
            execute(f"SELECT 1 FROM {table} WHERE {same} FOR NO KEY UPDATE", keys[MIDDLE])
            waiting = pool.submit(group)
            wait_until_blocked()
            free = execute(FREE.format(columns=columns, table=table))
        waiting.result(timeout=30)
    assert free == keys[MIDDLE:]
