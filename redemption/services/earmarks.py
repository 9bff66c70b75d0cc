"""The sweep of earmarks: what a used voucher left of its face goes back once its time is over.

The budget of a used voucher stays earmarked until its true expiry, so that it can always return
(domain-rules §6).
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from core.alone import alone
from core.clock import business_date
from core.ids import new_id
from core.ledger.models import AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from core.transactions import retry_conflicts, transaction
from redemption.models import Earmark
from vouchers.locks import batches_lock
from vouchers.services.expiry import CHUNK, GRACE

_END = """
    WITH due AS (
        SELECT line_id FROM redemption_earmark
         WHERE batch_id = %(batch)s AND ended_at IS NULL AND valid_until <= %(until)s
         ORDER BY valid_until LIMIT %(chunk)s FOR UPDATE SKIP LOCKED),
    ended AS (
        UPDATE redemption_earmark e SET ended_at = %(now)s, entry_id = %(entry)s
          FROM due WHERE e.line_id = due.line_id RETURNING e.parts)
    SELECT (SELECT count(*) FROM ended),
           ARRAY(SELECT sum(part.fen)::bigint
                   FROM ended, unnest(parts) WITH ORDINALITY AS part(fen, position)
                  GROUP BY part.position ORDER BY part.position)
"""


def earmarks_return(*, now: datetime) -> int:
    """Give back every earmark more than five minutes past its voucher's end; returns how many.

    Chunks of at most 2,000, each a transaction with one entry of its batch: earmarked → allocated.
    Safe to run twice, even at once, and again after a kill; what another call has locked is left
    to the next sweep.
    """
    until = now - GRACE
    with alone("redemption.earmarks") as mine:
        batches = _batches_due(until) if mine else []
        return sum(count for batch_id in batches for count in _return_all(batch_id, until, now))


def _batches_due(until: datetime) -> list[UUID]:
    due = Earmark.objects.filter(ended_at=None, valid_until__lte=until)
    return list(due.order_by("batch_id").values_list("batch_id", flat=True).distinct())


def _return_all(batch_id: UUID, until: datetime, now: datetime) -> Iterator[int]:
    while count := _return_chunk(batch_id, until, now):
        yield count


@retry_conflicts
def _return_chunk(batch_id: UUID, until: datetime, now: datetime) -> int:
    entry_id = new_id()
    values: dict[str, Any] = {
        "batch": batch_id,
        "until": until,
        "now": now,
        "entry": entry_id,
        "chunk": CHUNK,
    }
    with transaction(), connection.cursor() as cursor:
        (batch,) = batches_lock(batch_ids=[batch_id])
        cursor.execute(_END, values)
        count, sums = cursor.fetchone()
        entry_post(
            code=EntryCode.EARMARK_RETURN,
            campaign_id=batch.campaign_id,
            source_key=f"earmark:{entry_id}",
            business_date=business_date(now),
            at=now,
            transfers=[
                Transfer(
                    funder_id,
                    AccountKind.EARMARKED,
                    AccountKind.ALLOCATED,
                    fen,
                    batch_id,
                    batch_id,
                )
                for funder_id, fen in zip(batch.funder_ids, sums, strict=False)
            ],
            entry_id=entry_id,
        )
    return int(count)
