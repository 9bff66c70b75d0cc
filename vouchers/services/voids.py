"""Void vouchers (作废) that nobody has used: their money goes back to the batch."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import connection

from core.clock import business_date
from core.ids import new_id
from core.ledger.models import AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from core.transactions import transaction_required
from vouchers.locks import batches_lock
from vouchers.models import Batch, Voucher

_VOID = """
    WITH wanted AS (
        SELECT id FROM vouchers_voucher
         WHERE id = ANY(%s::uuid[]) AND batch_id = %s AND state IN ('ACTIVE', 'FROZEN')
         ORDER BY id FOR NO KEY UPDATE),
    voided AS (
        UPDATE vouchers_voucher v SET state = 'VOIDED' FROM wanted w WHERE v.id = w.id
        RETURNING v.id, v.parts)
    SELECT ARRAY(SELECT id FROM voided),
           ARRAY(SELECT sum(part.fen)::bigint
                   FROM voided, unnest(parts) WITH ORDINALITY AS part(fen, position)
                  GROUP BY part.position ORDER BY part.position)
"""


def vouchers_void(*, voucher_ids: Collection[UUID], now: datetime) -> set[UUID]:
    """Void those of the vouchers that are active or frozen; returns which.

    One entry per batch, outstanding → allocated; the units may be released again. In the caller's
    transaction: what made them void is written with it. What is held, used or over stays.
    """
    transaction_required()
    named = Voucher.objects.filter(pk__in=voucher_ids).values_list("batch_id", flat=True)
    voided: set[UUID] = set()
    for batch in batches_lock(batch_ids=set(named)):
        voided |= _void(batch, voucher_ids, now)
    return voided


def _void(batch: Batch, voucher_ids: Collection[UUID], now: datetime) -> set[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(_VOID, [list(voucher_ids), batch.pk])
        ids, sums = cursor.fetchone()
    if not ids:
        return set()
    batch.returned_units += len(ids)
    batch.save(update_fields=["returned_units"])
    entry_id = new_id()
    entry_post(
        code=EntryCode.VOID,
        campaign_id=batch.campaign_id,
        source_key=f"void:{entry_id}",
        business_date=business_date(now),
        at=now,
        transfers=[
            Transfer(
                funder_id, AccountKind.OUTSTANDING, AccountKind.ALLOCATED, fen, batch.pk, batch.pk
            )
            for funder_id, fen in zip(batch.funder_ids, sums, strict=True)
        ],
        entry_id=entry_id,
    )
    return set(ids)
