"""The records of a file in a temporary table, where checks and changes are single statements."""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from django.db import connections

from core.ids import new_id
from merchants.imports.problems import Problems
from merchants.imports.records import ImportScope, Record
from merchants.imports.sql_checks import CHECKS
from merchants.services.stores import store_no_new

_CREATE = """
    DROP TABLE IF EXISTS import_row, import_terminal;
    CREATE TEMP TABLE import_row (
        row_no int PRIMARY KEY, merchant_id uuid, store_id uuid, payee_id uuid, store_no text,
        uscc text, merchant_name text, mcc text, industry text, commitment_on date,
        store_name text, region_code text, owner_region text, address text,
        longitude numeric(9,6), latitude numeric(8,6), opens_at time, closes_at time,
        merchant_no text, account_name text, account_tail text, account_hashes text[],
        phone_hash text, phone_version int, contact_masked text,
        terminal_ids uuid[], terminal_nos text[]
    ) ON COMMIT DROP;
    CREATE TEMP TABLE import_terminal (
        row_no int, terminal_id uuid, terminal_no text
    ) ON COMMIT DROP
"""
_COPY = "COPY import_row FROM STDIN"
_TERMINALS = """
    INSERT INTO import_terminal
    SELECT row_no, unnest(terminal_ids), unnest(terminal_nos) FROM import_row
"""
_ANALYZE = "ANALYZE import_row, import_terminal"


def records_stage(records: Iterable[Record]) -> int:
    """Copy the records into the temporary table of this transaction; returns their number."""
    count = 0
    with connections["default"].cursor() as cursor:
        cursor.execute(_CREATE)
        with cursor.copy(_COPY) as copy:
            for record in records:
                copy.write_row(_row(record))
                count += 1
        cursor.execute(_TERMINALS)
        cursor.execute(_ANALYZE)
    return count


def staged_check(*, acquirer_id: UUID, scope: ImportScope, problems: Problems) -> None:
    """Check the rows against each other and against what is registered; note every fault."""
    parameters: dict[str, Any] = {"acquirer": acquirer_id, **scope_range(scope)}
    with connections["default"].cursor() as cursor:
        for check in CHECKS:
            cursor.execute(check.sql, parameters)
            for row_no, value, other in cursor.fetchall():
                problems.add(row_no, check.column, check.words(value, other))


def scope_range(scope: ImportScope) -> dict[str, str]:
    """Return the bounds of the bureau's codes as parameters ``first`` and ``last``."""
    first, last = scope.owner_range
    return {"first": first, "last": last}


def staged_stores() -> Iterator[tuple[Any, ...]]:
    """Give row, merchant, store, store number, merchant number, terminals of what was applied."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT i.row_no, i.merchant_name, i.store_name, s.store_no, i.merchant_no,"
            " array_to_string(i.terminal_nos, ';')"
            " FROM import_row i JOIN merchants_merchant m ON m.uscc = i.uscc"
            " JOIN merchants_store s ON s.merchant_id = m.id AND s.name = i.store_name"
            " AND s.region_code = i.region_code ORDER BY i.row_no"
        )
        while rows := cursor.fetchmany(2_000):
            yield from rows


def _row(record: Record) -> tuple[Any, ...]:
    phone = record.phone_hash
    return (
        record.row,
        new_id(),
        new_id(),
        new_id(),
        store_no_new(record.region_code),
        record.uscc,
        record.merchant_name,
        record.mcc,
        record.industry,
        record.commitment_on,
        record.store_name,
        record.region_code,
        record.owner_region,
        record.address,
        record.longitude,
        record.latitude,
        record.opens_at,
        record.closes_at,
        record.merchant_no,
        record.account_name,
        record.account_tail,
        record.account_hashes,
        phone.digest if phone else None,
        phone.version if phone else None,
        record.contact_masked,
        [new_id() for _number in record.terminal_nos],
        record.terminal_nos,
    )
