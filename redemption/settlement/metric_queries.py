"""The statements behind the figures of reports; docs/metrics.md defines each figure.

Parameters: campaign, since, until (moments, half-open). A payment counts by the moment of its
confirm; a cancel or refund by its own.
"""

FLOWS = """
    SELECT count(*) FILTER (WHERE s.kind = 'CONFIRM'),
           coalesce(sum(n.units) FILTER (WHERE s.kind = 'CONFIRM'), 0)::bigint,
           coalesce(sum(s.order_fen) FILTER (WHERE s.kind = 'CONFIRM'), 0)::bigint,
           coalesce(sum(s.payer_fen) FILTER (WHERE s.kind = 'CONFIRM'), 0)::bigint,
           coalesce(sum(s.subsidy_fen) FILTER (WHERE s.kind = 'CONFIRM'), 0)::bigint,
           count(*) FILTER (WHERE s.kind = 'CANCEL'),
           coalesce(sum(n.units) FILTER (WHERE s.kind = 'CANCEL'), 0)::bigint,
           coalesce(sum(s.order_fen) FILTER (WHERE s.kind = 'CANCEL'), 0)::bigint,
           coalesce(sum(s.subsidy_fen) FILTER (WHERE s.kind = 'CANCEL'), 0)::bigint,
           count(*) FILTER (WHERE s.kind = 'REFUND'),
           coalesce(sum(s.order_fen) FILTER (WHERE s.kind = 'REFUND'), 0)::bigint,
           coalesce(sum(s.subsidy_fen) FILTER (WHERE s.kind = 'REFUND'), 0)::bigint
      FROM redemption_redemptionstep s
      JOIN redemption_redemption r ON r.id = s.redemption_id
     CROSS JOIN LATERAL (SELECT count(*) AS units FROM redemption_redemptionline l
                          WHERE l.redemption_id = r.id) n
     WHERE r.campaign_id = %(campaign)s AND s.kind IN ('CONFIRM', 'CANCEL', 'REFUND')
       AND s.at >= %(since)s AND s.at < %(until)s
"""

# The same flows by county of the store: vouchers and payments in force, subsidy, refunds, sales.
AT_STORES = """
    SELECT r.store_region,
           sum(CASE s.kind WHEN 'CONFIRM' THEN n.units WHEN 'CANCEL' THEN -n.units
                           ELSE 0 END)::bigint,
           sum(CASE s.kind WHEN 'CONFIRM' THEN 1 WHEN 'CANCEL' THEN -1 ELSE 0 END)::bigint,
           sum(CASE s.kind WHEN 'CONFIRM' THEN s.subsidy_fen WHEN 'CANCEL' THEN -s.subsidy_fen
                           ELSE 0 END)::bigint,
           sum(CASE s.kind WHEN 'REFUND' THEN s.subsidy_fen ELSE 0 END)::bigint,
           sum(CASE s.kind WHEN 'CONFIRM' THEN s.order_fen ELSE -s.order_fen END)::bigint
      FROM redemption_redemptionstep s
      JOIN redemption_redemption r ON r.id = s.redemption_id
     CROSS JOIN LATERAL (SELECT count(*) AS units FROM redemption_redemptionline l
                          WHERE l.redemption_id = r.id) n
     WHERE r.campaign_id = %(campaign)s AND s.kind IN ('CONFIRM', 'CANCEL', 'REFUND')
       AND s.at >= %(since)s AND s.at < %(until)s
     GROUP BY r.store_region ORDER BY r.store_region
"""

# Payments confirmed in the period and not cancelled by its end: who and where.
REACH = """
    WITH paid AS (
        SELECT r.id, r.enrolment_id, r.merchant_id, r.store_id
          FROM redemption_redemption r
          JOIN redemption_redemptionstep s ON s.redemption_id = r.id AND s.kind = 'CONFIRM'
         WHERE r.campaign_id = %(campaign)s AND s.at >= %(since)s AND s.at < %(until)s
           AND NOT EXISTS (SELECT 1 FROM redemption_redemptionstep c
                            WHERE c.redemption_id = r.id AND c.kind = 'CANCEL'
                              AND c.at < %(until)s)
    )
    SELECT count(*), count(DISTINCT merchant_id), count(DISTINCT store_id),
           (SELECT count(DISTINCT k.key_id) FROM vouchers_enrolmentkey k
             WHERE k.kind = 'DOCUMENT' AND k.enrolment_id IN (SELECT enrolment_id FROM paid))
      FROM paid
"""

CLAIMED = """
    SELECT count(*), coalesce(sum(v.face_fen), 0)::bigint,
           (SELECT count(DISTINCT k.key_id) FROM vouchers_enrolmentkey k
             WHERE k.kind = 'DOCUMENT' AND k.enrolment_id IN (
                   SELECT c.enrolment_id FROM vouchers_claim c
                     JOIN vouchers_batch cb ON cb.id = c.batch_id
                    WHERE cb.campaign_id = %(campaign)s
                      AND c.at >= %(since)s AND c.at < %(until)s))
      FROM vouchers_voucher v
     WHERE v.campaign_id = %(campaign)s AND v.issued_at >= %(since)s AND v.issued_at < %(until)s
"""

# Vouchers, not packs: the waves of a pack open its parts.
RELEASED = """
    SELECT coalesce(sum(o.units * b.pack_quantity), 0)::bigint,
           coalesce(sum(o.units * b.pack_quantity * b.face_fen), 0)::bigint
      FROM vouchers_batch b
      JOIN (SELECT batch_id, opened_units AS units FROM vouchers_quotarelease
             WHERE opened_at >= %(since)s AND opened_at < %(until)s
            UNION ALL
            SELECT batch_id, -closed_units FROM vouchers_quotarelease
             WHERE closed_at >= %(since)s AND closed_at < %(until)s) o
        ON o.batch_id = coalesce(b.pack_id, b.id)
     WHERE b.campaign_id = %(campaign)s AND b.kind <> 'PACK'
"""

EXPIRED = """
    SELECT count(*), coalesce(sum(face_fen), 0)::bigint FROM vouchers_voucher
     WHERE campaign_id = %(campaign)s AND state = 'EXPIRED'
       AND valid_until >= %(since)s AND valid_until < %(until)s
"""

# Net of cancels and refunds, per funder; gross is what the confirms gave.
FUNDERS = """
    SELECT f.id, f.name, g.mode, f.level IN ('CENTRAL', 'PROVINCE', 'CITY', 'COUNTY'),
           coalesce(sum(p.fen) FILTER (WHERE s.kind = 'CONFIRM'), 0)::bigint,
           coalesce(sum(p.fen) FILTER (WHERE s.kind <> 'CONFIRM'), 0)::bigint
      FROM campaigns_funding g JOIN campaigns_funder f ON f.id = g.funder_id
      LEFT JOIN (redemption_redemptionstep s
                 JOIN redemption_redemption r ON r.id = s.redemption_id
                      AND r.campaign_id = %(campaign)s
                 CROSS JOIN LATERAL unnest(s.funder_ids, s.parts) AS p(funder_id, fen))
        ON p.funder_id = g.funder_id AND s.kind IN ('CONFIRM', 'CANCEL', 'REFUND')
       AND s.at >= %(since)s AND s.at < %(until)s
     WHERE g.campaign_id = %(campaign)s
     GROUP BY f.id, f.name, g.mode, f.level, g.position ORDER BY g.position, f.name
"""

# One row per value of a dimension: payments in force, vouchers, order net, subsidy net.
_BREAKDOWN = """
    WITH facts AS (
        SELECT {key} AS key, {label} AS label,
               CASE s.kind WHEN 'CONFIRM' THEN 1 WHEN 'CANCEL' THEN -1 ELSE 0 END AS payments,
               CASE s.kind WHEN 'CONFIRM' THEN 1 ELSE -1 END AS sign,
               s.order_fen, s.subsidy_fen,
               (SELECT count(*) FROM redemption_redemptionline l
                 WHERE l.redemption_id = r.id) AS units
          FROM redemption_redemptionstep s
          JOIN redemption_redemption r ON r.id = s.redemption_id {joins}
         WHERE r.campaign_id = %(campaign)s AND s.kind IN ('CONFIRM', 'CANCEL', 'REFUND')
           AND s.at >= %(since)s AND s.at < %(until)s
    )
    SELECT key, label, sum(payments)::bigint, sum(payments * units)::bigint,
           sum(sign * order_fen)::bigint, sum(sign * subsidy_fen)::bigint
      FROM facts GROUP BY key, label ORDER BY 5 DESC, 1
"""

BREAKDOWNS = {
    "tier": _BREAKDOWN.format(
        key="b.code",
        label="b.name",
        joins="""JOIN LATERAL (SELECT t.code, t.name FROM redemption_redemptionline n
                   JOIN vouchers_batch t ON t.id = n.batch_id
                  WHERE n.redemption_id = r.id ORDER BY n.id LIMIT 1) b ON true""",
    ),
    "industry": _BREAKDOWN.format(
        key="m.industry",
        label="m.industry",
        joins="JOIN merchants_merchant m ON m.id = r.merchant_id",
    ),
    "city": _BREAKDOWN.format(
        key="left(r.store_region, 4) || '00'",
        label="coalesce(c.name, left(r.store_region, 4) || '00')",
        joins="LEFT JOIN core_region c ON c.code = left(r.store_region, 4) || '00'",
    ),
    "acquirer": _BREAKDOWN.format(
        key="a.code",
        label="a.name",
        joins="JOIN merchants_acquirer a ON a.id = r.acquirer_id",
    ),
}

# Where every funder's money is now, from the ledger.
FUNDING = """
    SELECT g.funder_id, f.name, g.mode, g.quota_fen,
           coalesce((SELECT sum(t.amount_fen) FROM core_posting t
                       JOIN core_entry e ON e.id = t.entry_id
                      WHERE e.campaign_id = g.campaign_id AND e.code = 'FUNDS_RECEIVED'
                        AND t.funder_id = g.funder_id), 0)::bigint,
           coalesce(sum(a.balance_fen) FILTER (WHERE a.kind = 'ADVANCE_PAYABLE'), 0)::bigint,
           coalesce((SELECT sum(n.fen) FROM redemption_payout o
                       JOIN redemption_settlementbatch b ON b.id = o.batch_id
                      CROSS JOIN LATERAL unnest(o.funder_ids, o.parts) AS n(funder_id, fen)
                      WHERE b.campaign_id = g.campaign_id AND o.state = 'PAID'
                        AND n.funder_id = g.funder_id), 0)::bigint,
           coalesce(sum(a.balance_fen) FILTER (
               WHERE a.kind IN ('PAYABLE', 'SETTLING', 'IN_TRANSIT')), 0)::bigint,
           coalesce(sum(a.balance_fen) FILTER (WHERE a.kind = 'PAYABLE_FROZEN'), 0)::bigint,
           coalesce(sum(a.balance_fen) FILTER (
               WHERE a.kind IN ('AVAILABLE', 'ALLOCATED', 'RESERVED', 'OUTSTANDING', 'HELD',
                                'EARMARKED')), 0)::bigint
      FROM campaigns_funding g
      JOIN campaigns_funder f ON f.id = g.funder_id
      LEFT JOIN core_account a ON a.campaign_id = g.campaign_id AND a.funder_id = g.funder_id
     WHERE g.campaign_id = %(campaign)s
     GROUP BY g.id, f.name ORDER BY g.position, f.name
"""

# What was settled against what was redeemed, cash funders only (domain-rules §10).
IDENTITY = """
    SELECT coalesce((SELECT sum(l.amount_fen) FROM redemption_settlementline l
                       JOIN redemption_settlementbatch b ON b.id = l.batch_id
                      WHERE b.campaign_id = %(campaign)s AND b.state <> 'REJECTED'
                        AND l.kind IN ('POSITIVE', 'NEGATIVE')), 0)::bigint,
           coalesce((SELECT sum(p.fen) FROM settlement_fact_part p
                      WHERE p.campaign_id = %(campaign)s AND NOT p.written_off
                        AND p.booked_to IS DISTINCT FROM 'AVAILABLE'), 0)::bigint,
           coalesce((SELECT sum(o.amount_fen) FROM redemption_payout o
                       JOIN redemption_settlementbatch b ON b.id = o.batch_id
                      WHERE b.campaign_id = %(campaign)s AND o.state = 'PAID'), 0)::bigint,
           coalesce((SELECT sum(a.balance_fen) FROM core_account a
                      WHERE a.campaign_id = %(campaign)s
                        AND a.kind = 'MERCHANT_RECEIVABLE'), 0)::bigint
"""
