"""Make what the staged rows say true: a constant number of statements, whatever their number.

Nothing is written where nothing differs, so the same file applied twice changes nothing. Only
what the importing bureau owns is changed; merchants and stores of other bureaus get terminals and
payees but keep their details.
"""

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections

from merchants.imports import sql_apply as sql
from merchants.imports.records import ImportScope
from merchants.imports.staging import scope_range

LISTED_CHANGES = 500
"""Payee changes named one by one in the audit event; the count is always whole."""


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """What an import changed."""

    merchants_new: int = 0
    merchants_changed: int = 0
    stores_new: int = 0
    stores_changed: int = 0
    payees_new: int = 0
    payees_changed: int = 0
    payees_renamed: int = 0
    terminals_new: int = 0
    terminals_moved: int = 0
    contacts_new: int = 0

    @property
    def total(self) -> int:
        """All changes together."""
        return sum(getattr(self, item.name) for item in fields(self))

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


def staged_apply(
    *, acquirer_id: UUID, scope: ImportScope, now: datetime
) -> tuple[ImportCounts, list[dict[str, Any]]]:
    """Apply the staged rows; returns the counts and the payee changes (number, old, new tail)."""
    parameters: dict[str, Any] = {"acquirer": acquirer_id, "now": now, **scope_range(scope)}
    with connections["default"].cursor() as cursor:

        def run(statement: str) -> int:
            cursor.execute(statement, parameters)
            return int(cursor.rowcount)

        merchants_new = run(sql.MERCHANT_INSERT)
        merchants_changed = run(sql.MERCHANT_UPDATE)
        stores_new = run(sql.STORE_INSERT)
        stores_changed = run(sql.STORE_UPDATE)
        cursor.execute(sql.PAYEE_CHANGES, parameters)
        changes = [
            {"merchant_no": number, "old_tail": old, "new_tail": new}
            for number, old, new in cursor.fetchmany(LISTED_CHANGES)
        ]
        payees_renamed = run(sql.PAYEE_RENAME)
        payees_closed = run(sql.PAYEE_CLOSE)
        payees_opened = run(sql.PAYEE_REOPEN) + run(sql.PAYEE_INSERT)
        counts = ImportCounts(
            merchants_new=merchants_new,
            merchants_changed=merchants_changed,
            stores_new=stores_new,
            stores_changed=stores_changed,
            payees_new=payees_opened - payees_closed,
            payees_changed=payees_closed,
            payees_renamed=payees_renamed,
            terminals_moved=run(sql.TERMINAL_UPDATE),
            terminals_new=run(sql.TERMINAL_INSERT),
            contacts_new=run(sql.CONTACT_INSERT),
        )
    return counts, changes
