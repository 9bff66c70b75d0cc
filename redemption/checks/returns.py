"""Checks: return vouchers are what purchases were given, and void once those are refunded."""

from redemption.checks.now import BUSINESS_NOW

RETURN_CHECKS = (
    (
        "redemption.rewards_as_claimed",
        "每张返券对应一笔消费，且每笔返券记录对应其领取记录",
        """
        SELECT r.id AS reward, k.id AS claim, b.id AS batch
        FROM redemption_reward r
        LEFT JOIN vouchers_claim k ON k.id = r.claim_id
        LEFT JOIN vouchers_batch b ON b.id = r.batch_id AND b.kind = 'RETURN'
        WHERE r.claim_id IS NOT NULL
          AND (k.batch_id, k.enrolment_id) IS DISTINCT FROM (b.id, r.enrolment_id)
        UNION ALL
        SELECT NULL, k.id, k.batch_id
        FROM vouchers_claim k JOIN vouchers_batch b ON b.id = k.batch_id AND b.kind = 'RETURN'
        WHERE NOT EXISTS (SELECT 1 FROM redemption_reward r WHERE r.claim_id = k.id)""",
    ),
    (
        "redemption.rewards_taken_back",
        "消费退款一小时后，未使用的返券已收回、已使用的已列为待核",
        f"""
        WITH refunded AS (
            SELECT 'REDEMPTION' AS source, r.id, max(s.at) AS at,
                   CASE WHEN r.state = 'CONFIRMED' THEN r.order_fen - r.refunded_order_fen
                        ELSE 0 END AS left_fen
              FROM redemption_redemption r
              JOIN redemption_redemptionstep s ON s.redemption_id = r.id
                   AND s.kind IN ('CANCEL', 'REFUND')
             GROUP BY r.id
            UNION ALL
            SELECT 'TRANSACTION', t.id, max(b.at), t.order_fen - t.refunded_fen
              FROM merchants_transaction t JOIN merchants_transaction b ON b.original_id = t.id
             GROUP BY t.id)
        SELECT w.id AS reward, w.state, v.id AS voucher, v.state AS voucher_state
        FROM redemption_reward w
        JOIN refunded f ON f.source = w.source AND f.id = w.source_id AND f.left_fen < w.from_fen
        JOIN vouchers_voucher v ON v.claim_id = w.claim_id
        CROSS JOIN ({BUSINESS_NOW}) clock
        WHERE f.at < clock.now - interval '1 hour'
          AND (v.state, w.state) NOT IN (('VOIDED', 'VOIDED'), ('EXPIRED', 'VOIDED'),
                                         ('REDEEMED', 'FLAGGED'), ('HELD', 'ISSUED'),
                                         ('HELD', 'FLAGGED'))""",  # noqa: S608 - constants
    ),
)
