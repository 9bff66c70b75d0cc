"""Row locks of cancelling and refunding, in the one order of architecture.md."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import connection

# The campaign's state decides where money goes back to; a share lock keeps it as it is meanwhile.
_STATEMENTS = (
    "SELECT 1 FROM campaigns_campaign WHERE id = %(campaign)s FOR SHARE",
    """
    SELECT 1 FROM vouchers_batch WHERE id IN (
        SELECT n.batch_id FROM redemption_redemptionline n
         WHERE n.redemption_id = ANY(%(redemptions)s))
     ORDER BY pack_id IS NOT NULL, id FOR NO KEY UPDATE
    """,
    """
    SELECT vouchers_limits_lock(array_agg(l.limit_id), array_agg(l.window_start),
                                array_agg(l.key_id))
      FROM redemption_redemption r
     CROSS JOIN LATERAL jsonb_to_recordset(r.limit_uses)
           AS l(limit_id bigint, window_start timestamptz, key_id bigint)
     WHERE r.id = ANY(%(redemptions)s)
    """,
    """
    SELECT 1 FROM vouchers_voucher WHERE id IN (
        SELECT n.voucher_id FROM redemption_redemptionline n
         WHERE n.redemption_id = ANY(%(redemptions)s))
     ORDER BY id FOR NO KEY UPDATE
    """,
    """
    SELECT 1 FROM redemption_redemption WHERE id = ANY(%(redemptions)s)
     ORDER BY id FOR NO KEY UPDATE
    """,
)


def reversal_lock(*, campaign_id: UUID, redemption_ids: Collection[UUID]) -> None:
    """Lock what a cancel or refund of these redemptions of one campaign may change.

    Campaign (shared) → batches → limit rows → vouchers → redemptions; accounts follow when the
    entry is posted. Settlement locks the redemptions too before it assigns their facts.
    """
    values: dict[str, Any] = {"campaign": campaign_id, "redemptions": list(redemption_ids)}
    with connection.cursor() as cursor:
        for statement in _STATEMENTS:
            cursor.execute(statement, values)
