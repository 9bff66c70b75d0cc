"""Write entries. Every posting of the platform goes through `entry_post` or the SQL it calls."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import orjson
from django.db import connection

from core.ids import new_id
from core.ledger.models import AccountKind, EntryCode


@dataclass(frozen=True, slots=True)
class Transfer:
    """Move ``amount_fen`` of one funder from the debit to the credit account.

    ``debit_unit`` / ``credit_unit`` name the batch or payee; ``None`` for campaign-wide accounts.
    """

    funder_id: UUID
    debit: AccountKind
    credit: AccountKind
    amount_fen: int
    debit_unit: UUID | None = None
    credit_unit: UUID | None = None

    def as_line(self) -> dict[str, object]:
        """Spell the transfer as the SQL function ``ledger_post`` reads it."""
        return {
            "d": self.debit,
            "du": self.debit_unit,
            "c": self.credit,
            "cu": self.credit_unit,
            "f": self.funder_id,
            "a": self.amount_fen,
        }


def entry_post(
    *,
    code: EntryCode,
    campaign_id: UUID,
    source_key: str,
    business_date: date,
    at: datetime,
    transfers: Iterable[Transfer],
    entry_id: UUID | None = None,
) -> UUID | None:
    """Write one entry in the caller's transaction and return its id (``entry_id`` or a new one).

    Equal transfers are added up, zero amounts left out; ``None`` if nothing is left to write.
    Call it last: accounts are the end of the lock order (architecture.md).

    Raises:
        IntegrityError: a balance would fall below zero, an amount is negative, or ``source_key``
            was used before.
    """
    entry_id = entry_id or new_id()
    lines = orjson.dumps([transfer.as_line() for transfer in transfers]).decode()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ledger_post(%s, %s, %s, %s, %s, %s, %s::jsonb)",
            [entry_id, code.value, campaign_id, source_key, business_date, at, lines],
        )
        (written,) = cursor.fetchone()
    return entry_id if written else None
