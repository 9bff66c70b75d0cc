"""Entries written by plans of the first day, when there were no accounts and entries yet."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import connection, connections, transaction

from core.clock import business_date
from core.ids import new_id
from core.ledger.models import AccountKind, EntryCode, Posting
from core.ledger.services import Transfer, entry_post

AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
ENTRIES, UNITS, MOST_ROWS = 100, 100, 20
TABLES = ("core_account", "core_entry", "core_posting")
_READ = """
    SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)
      FROM pg_stat_xact_user_tables WHERE relname = ANY(%s)
"""


def post(campaign: UUID, transfers: list[Transfer]) -> None:
    entry = entry_post(
        code=EntryCode.ADJUSTMENT,
        campaign_id=campaign,
        source_key=f"test:{new_id()}",
        business_date=business_date(AT),
        at=AT,
        transfers=transfers,
    )
    assert entry is not None


def rows_read() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(_READ, [list(TABLES)])
        return dict(cursor.fetchall())


@pytest.mark.usefixtures("own_database")
@pytest.mark.broken_books
def test_an_entry_looks_at_its_own_accounts_and_at_no_other_entry() -> None:
    with connections["owner"].cursor() as cursor:
        for table in TABLES:  # the server's own look at a bad moment would tell plans more
            cursor.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
        cursor.execute("ANALYZE")
    campaign, funder, units = new_id(), new_id(), [new_id() for _ in range(UNITS)]

    def moved(unit: UUID) -> Transfer:
        kinds = AccountKind.FUNDER_RECEIVABLE, AccountKind.PAYABLE
        return Transfer(funder, *kinds, 1, None, unit)

    for _ in range(ENTRIES // 2):
        post(campaign, [moved(units[0])])
    post(campaign, [moved(unit) for unit in units])
    for _ in range(ENTRIES // 2):
        post(campaign, [moved(units[0])])
    with transaction.atomic():
        before = rows_read()
        post(campaign, [moved(units[50])])
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        seen = {name: rows - before.get(name, 0) for name, rows in rows_read().items()}
    assert Posting.objects.count() == ENTRIES + UNITS + 1
    assert max(seen.values()) <= MOST_ROWS, seen
