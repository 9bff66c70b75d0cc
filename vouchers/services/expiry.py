"""The sweep of vouchers past their end: state and money follow what ``valid_until`` decided.

``valid_until`` decides in every statement and answer; the sweep comes later and takes vouchers
more than five minutes past it, so that it never meets a hold in flight (architecture.md, States).
A voucher on hold expires only after its hold ends.

What is due is read once per run, into a cursor of the server that outlives the chunks' commits:
neither side looks again at what is swept already, and the ids stay one text per chunk.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from campaigns.models import CampaignState
from core.alone import alone
from core.clock import business_date
from core.ids import new_id
from core.ledger.models import AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from core.outbox.services import Event, outbox_publish
from core.transactions import retry_conflicts, transaction
from vouchers.events import VOUCHERS_EXPIRED
from vouchers.locks import batches_lock
from vouchers.models import Batch
from vouchers.services.limit_returns import limits_give_back

GRACE = timedelta(minutes=5)
CHUNK = 2_000
MOST = 1_000_000
"""Of one run, which a task has the time for; the next run goes on."""
FETCHED_CHUNKS = 16

_DUE = """
    SELECT batch_id, array_agg(id ORDER BY id)::text
      FROM (SELECT batch_id, id,
                   (row_number() OVER (PARTITION BY batch_id ORDER BY id) - 1) / %s AS part
              FROM (SELECT batch_id, id FROM vouchers_voucher
                     WHERE state IN ('ACTIVE', 'FROZEN') AND valid_until <= %s
                     ORDER BY valid_until LIMIT %s) oldest) due
     GROUP BY batch_id, part ORDER BY batch_id, part
"""
_LOCK = """
    SELECT count(*), array_agg(id)::text
      FROM (SELECT id FROM vouchers_voucher
             WHERE id = ANY(%s::uuid[]) AND state IN ('ACTIVE', 'FROZEN') AND valid_until <= %s
             ORDER BY id FOR NO KEY UPDATE SKIP LOCKED) locked
"""
_EXPIRE = """
    WITH expired AS (
        UPDATE vouchers_voucher SET state = 'EXPIRED' WHERE id = ANY(%s::uuid[]) RETURNING parts)
    SELECT sum(part.fen)::bigint
      FROM expired, unnest(parts) WITH ORDINALITY AS part(fen, position)
     GROUP BY part.position ORDER BY part.position
"""


def vouchers_expire(*, now: datetime) -> int:
    """Expire every voucher more than five minutes past its end; returns how many.

    Chunks of at most 2,000, each a transaction with one entry of its batch: outstanding →
    allocated, or available once the campaign is closed. The units may be released again
    (``returned_units``), and who let one expire may claim again where a limit says so. At most a
    million, the oldest first. Safe to run twice, even at once (the second does nothing), and again
    after a kill: rows not swept, or under another's hand, are
    left to the next sweep.
    """
    until = now - GRACE
    with alone("vouchers.expiry") as mine:
        chunks = _due(until) if mine else iter(())
        return sum(_expire_chunk(batch_id, ids, until, now) for batch_id, ids in chunks)


def _due(until: datetime) -> Iterator[tuple[UUID, str]]:
    named: Any = connection
    with named.chunked_cursor() as cursor:
        cursor.execute(_DUE, [CHUNK, until, MOST])
        while chunks := cursor.fetchmany(FETCHED_CHUNKS):
            yield from chunks


@retry_conflicts
def _expire_chunk(batch_id: UUID, ids: str, until: datetime, now: datetime) -> int:
    with transaction(), connection.cursor() as cursor:
        (batch,) = batches_lock(batch_ids=[batch_id])
        cursor.execute(_LOCK, [ids, until])
        count, locked = cursor.fetchone()
        if not count:
            return 0
        cursor.execute(_EXPIRE, [locked])
        sums = [row[0] for row in cursor.fetchall()]
        limits_give_back(batch=batch, voucher_ids=locked)
        batch.returned_units += count
        batch.save(update_fields=["returned_units"])
        _record(batch, count, sums, now)
    return int(count)


def _record(batch: Batch, units: int, sums: list[int], now: datetime) -> None:
    key = new_id()
    outbox_publish(
        events=[
            Event(
                topic=VOUCHERS_EXPIRED,
                aggregate_type="batch",
                aggregate_id=batch.pk,
                at=now,
                payload={"batch": str(batch.pk), "units": units},
            )
        ]
    )
    closed = batch.campaign.state == CampaignState.CLOSED
    target = AccountKind.AVAILABLE if closed else AccountKind.ALLOCATED
    entry_post(
        code=EntryCode.EXPIRE,
        campaign_id=batch.campaign_id,
        source_key=f"expire:{key}",
        business_date=business_date(now),
        at=now,
        transfers=[
            Transfer(
                funder_id,
                AccountKind.OUTSTANDING,
                target,
                fen,
                batch.pk,
                None if closed else batch.pk,
            )
            for funder_id, fen in zip(batch.funder_ids, sums, strict=True)
        ],
    )
