"""The sweep of vouchers past their end: state and money follow what ``valid_until`` decided.

``valid_until`` decides in every statement and answer; the sweep comes later and takes vouchers
more than five minutes past it, so that it never meets a hold in flight (architecture.md, States).
A voucher on hold expires only after its hold ends.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from campaigns.models import CampaignState
from core.clock import business_date
from core.ids import new_id
from core.ledger.models import AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from core.outbox.services import Event, outbox_publish
from core.transactions import retry_conflicts, transaction
from vouchers.events import VOUCHERS_EXPIRED
from vouchers.locks import batches_lock
from vouchers.models import Batch, Voucher
from vouchers.states import VoucherState

GRACE = timedelta(minutes=5)
CHUNK = 2_000
MAX_CHUNKS = 200
EXPIRABLE = (VoucherState.ACTIVE, VoucherState.FROZEN)

_LOCK = """
    SELECT id FROM vouchers_voucher
     WHERE batch_id = %s AND state IN ('ACTIVE', 'FROZEN') AND valid_until <= %s
     ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
"""
_EXPIRE = "UPDATE vouchers_voucher SET state = 'EXPIRED' WHERE id = ANY(%s::uuid[])"
_SUMS = """
    SELECT part.position, sum(part.fen)::bigint
      FROM vouchers_voucher v, unnest(v.parts) WITH ORDINALITY AS part(fen, position)
     WHERE v.id = ANY(%s::uuid[]) GROUP BY part.position ORDER BY part.position
"""


def vouchers_expire(*, now: datetime) -> int:
    """Expire every voucher more than five minutes past its end; returns how many.

    Chunks of at most 2,000, one entry per batch and chunk: outstanding → allocated, or available
    once the campaign is closed. The units may be released again (``returned_units``). Safe to run
    twice, even at once: rows under another's hand are left to the next sweep.
    """
    until = now - GRACE
    due = Voucher.objects.filter(state__in=EXPIRABLE, valid_until__lte=until)
    batch_ids = sorted(due.order_by().values_list("batch_id", flat=True).distinct())
    swept = chunks = 0
    for batch_id in batch_ids:
        while chunks < MAX_CHUNKS:
            count = _expire_chunk(batch_id, until, now)
            chunks += 1
            swept += count
            if count < CHUNK:
                break
    return swept


@retry_conflicts
def _expire_chunk(batch_id: UUID, until: datetime, now: datetime) -> int:
    with transaction(), connection.cursor() as cursor:
        (batch,) = batches_lock(batch_ids=[batch_id])
        cursor.execute(_LOCK, [batch_id, until, CHUNK])
        ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return 0
        cursor.execute(_EXPIRE, [ids])
        cursor.execute(_SUMS, [ids])
        sums = [row[1] for row in cursor.fetchall()]
        batch.returned_units += len(ids)
        batch.save(update_fields=["returned_units"])
        _record(batch, len(ids), sums, now)
        return len(ids)


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
