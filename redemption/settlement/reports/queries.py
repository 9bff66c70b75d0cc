"""The statements behind statements and sheets; rows come from server-side cursors."""

# One row per payee of a batch; funder amounts as a JSON object by funder id.
ACQUIRER = """
    SELECT b.code, p.merchant_no, p.account_name, p.account_tail, m.name,
           coalesce(sum(l.fact_count), 0)::bigint,
           coalesce(sum(l.amount_fen) FILTER (WHERE l.kind = 'POSITIVE'), 0)::bigint,
           coalesce(sum(l.amount_fen) FILTER (WHERE l.kind = 'NEGATIVE'), 0)::bigint,
           coalesce(sum(l.amount_fen) FILTER (WHERE l.kind = 'CARRY_IN'), 0)::bigint,
           coalesce(sum(l.amount_fen) FILTER (WHERE l.kind = 'CARRY_OUT'), 0)::bigint,
           sum(l.amount_fen)::bigint,
           (SELECT coalesce(sum((2 * s.payer_fen * a.fee_bp + 10000) / 20000), 0)::bigint
              FROM redemption_settlementitem i
              JOIN redemption_settlementline n ON n.id = i.line_id AND n.kind = 'POSITIVE'
              JOIN redemption_redemptionstep s ON s.id = i.fact_id AND s.kind = 'CONFIRM'
             WHERE n.batch_id = b.id AND n.payee_id = p.id),
           (SELECT jsonb_object_agg(f.funder_id, f.fen)
              FROM (SELECT n.funder_id, sum(n.fen)::bigint AS fen
                      FROM redemption_settlementline k
                     CROSS JOIN LATERAL unnest(k.funder_ids, k.parts) AS n(funder_id, fen)
                     WHERE k.batch_id = b.id AND k.payee_id = p.id GROUP BY n.funder_id) f),
           o.reference, o.state, o.paid_on, o.bank_ref
      FROM redemption_settlementbatch b
      JOIN redemption_settlementline l ON l.batch_id = b.id
      JOIN merchants_payee p ON p.id = l.payee_id
      JOIN merchants_merchant m ON m.id = p.merchant_id
      JOIN merchants_acquirer a ON a.id = b.acquirer_id
      LEFT JOIN redemption_payout o ON o.batch_id = b.id AND o.payee_id = p.id
     WHERE b.campaign_id = %(campaign)s AND b.acquirer_id = %(acquirer)s
       AND b.business_date = %(day)s AND b.state <> 'REJECTED'
     GROUP BY b.id, p.id, m.name, a.fee_bp, o.id ORDER BY p.merchant_no, p.id
"""

FUNDER = """
    SELECT a.name, b.code, b.state, b.due_on,
           coalesce(sum(n.fen) FILTER (WHERE l.kind = 'POSITIVE'), 0)::bigint,
           coalesce(sum(n.fen) FILTER (WHERE l.kind = 'NEGATIVE'), 0)::bigint,
           coalesce(sum(n.fen) FILTER (WHERE l.kind = 'CARRY_IN'), 0)::bigint,
           coalesce(sum(n.fen) FILTER (WHERE l.kind = 'CARRY_OUT'), 0)::bigint,
           coalesce(sum(n.fen), 0)::bigint
      FROM redemption_settlementbatch b
      JOIN merchants_acquirer a ON a.id = b.acquirer_id
      JOIN redemption_settlementline l ON l.batch_id = b.id
     CROSS JOIN LATERAL unnest(l.funder_ids, l.parts) AS n(funder_id, fen)
     WHERE b.campaign_id = %(campaign)s AND b.business_date = %(day)s
       AND b.state <> 'REJECTED' AND n.funder_id = %(funder)s
     GROUP BY b.id, a.name ORDER BY a.name, b.code
"""

CONCESSION = """
    SELECT a.name, p.merchant_no, m.name, m.uscc,
           count(*) FILTER (WHERE s.kind = 'CONFIRM'),
           coalesce(sum(n.fen) FILTER (WHERE s.kind = 'CONFIRM'), 0)::bigint,
           -coalesce(sum(n.fen) FILTER (WHERE s.kind <> 'CONFIRM'), 0)::bigint,
           sum(CASE s.kind WHEN 'CONFIRM' THEN n.fen ELSE -n.fen END)::bigint
      FROM redemption_redemptionstep s
      JOIN redemption_redemption r ON r.id = s.redemption_id
      JOIN merchants_acquirer a ON a.id = r.acquirer_id
      JOIN merchants_payee p ON p.id = r.payee_id
      JOIN merchants_merchant m ON m.id = r.merchant_id
     CROSS JOIN LATERAL unnest(s.funder_ids, s.parts) AS n(funder_id, fen)
      JOIN campaigns_funding g ON g.campaign_id = r.campaign_id AND g.funder_id = n.funder_id
           AND g.mode = 'MERCHANT_CONCESSION'
     WHERE r.campaign_id = %(campaign)s AND s.business_date = %(day)s
       AND s.kind IN ('CONFIRM', 'CANCEL', 'REFUND') AND n.fen > 0
     GROUP BY a.name, p.merchant_no, p.id, m.name, m.uscc ORDER BY a.name, p.merchant_no
"""

# Facts of a business date; payer and subsidy are the step's own amounts.
DETAIL = """
    SELECT r.id, r.order_no, r.channel_trade_no, s.reference, t.store_no, t.name, e.terminal_no,
           s.kind, s.at, s.order_fen, s.payer_fen, s.subsidy_fen,
           coalesce((SELECT sum(n.fen) FROM unnest(s.funder_ids, s.parts) AS n(funder_id, fen)
                       JOIN campaigns_funding g ON g.campaign_id = r.campaign_id
                            AND g.funder_id = n.funder_id AND g.mode = 'MERCHANT_CONCESSION'),
                    0)::bigint,
           b.code, o.reference
      FROM redemption_redemptionstep s
      JOIN redemption_redemption r ON r.id = s.redemption_id
      JOIN merchants_store t ON t.id = r.store_id
      JOIN merchants_terminal e ON e.id = r.terminal_id
      LEFT JOIN redemption_settlementitem i ON i.fact_id = s.id
      LEFT JOIN redemption_settlementline l ON l.id = i.line_id
      LEFT JOIN redemption_settlementbatch b ON b.id = l.batch_id
      LEFT JOIN redemption_payout o ON o.batch_id = b.id AND o.payee_id = l.payee_id
     WHERE r.campaign_id = %(campaign)s AND r.acquirer_id = %(acquirer)s
       AND s.business_date = %(day)s AND s.kind = ANY(%(kinds)s)
     ORDER BY s.at, s.id
"""

# Natural day: claims by batch and channel, payments also by industry and district.
DAILY = """
    WITH claims AS (
        SELECT v.batch_id, v.client_id, '' AS industry, '' AS district,
               count(*) AS claimed, sum(v.face_fen) AS claimed_fen,
               count(DISTINCT k.key_id) AS claimants
          FROM vouchers_voucher v
          LEFT JOIN vouchers_enrolmentkey k ON k.enrolment_id = v.enrolment_id
               AND k.kind = 'DOCUMENT' AND k.valid_until IS NULL
         WHERE v.campaign_id = %(campaign)s AND v.issued_at >= %(since)s AND v.issued_at < %(until)s
         GROUP BY v.batch_id, v.client_id
    ), facts AS (
        SELECT n.batch_id, r.voucher_client_id AS client_id, m.industry, r.store_region AS district,
               s.kind, s.order_fen, s.payer_fen, s.subsidy_fen, r.merchant_id, r.store_id,
               n.units, c.government, c.bank, c.merchant
          FROM redemption_redemptionstep s
          JOIN redemption_redemption r ON r.id = s.redemption_id
          JOIN merchants_merchant m ON m.id = r.merchant_id
          JOIN LATERAL (SELECT (array_agg(l.batch_id ORDER BY l.id))[1] AS batch_id,
                               count(*) AS units
                          FROM redemption_redemptionline l WHERE l.redemption_id = r.id) n ON true
          JOIN LATERAL (
               SELECT coalesce(sum(p.fen) FILTER (WHERE f.level IN
                          ('CENTRAL', 'PROVINCE', 'CITY', 'COUNTY')), 0) AS government,
                      coalesce(sum(p.fen) FILTER (WHERE f.level = 'BANK'), 0) AS bank,
                      coalesce(sum(p.fen) FILTER (WHERE f.level NOT IN
                          ('CENTRAL', 'PROVINCE', 'CITY', 'COUNTY', 'BANK')), 0) AS merchant
                 FROM unnest(s.funder_ids, s.parts) AS p(funder_id, fen)
                 JOIN campaigns_funder f ON f.id = p.funder_id) c ON true
         WHERE r.campaign_id = %(campaign)s AND s.kind IN ('CONFIRM', 'CANCEL', 'REFUND')
           AND s.at >= %(since)s AND s.at < %(until)s
    ), paid AS (
        SELECT batch_id, client_id, industry, district,
               coalesce(sum(units) FILTER (WHERE kind = 'CONFIRM'), 0) AS redeemed,
               coalesce(sum(subsidy_fen) FILTER (WHERE kind = 'CONFIRM'), 0) AS redeemed_fen,
               coalesce(sum(order_fen) FILTER (WHERE kind = 'CONFIRM'), 0) AS order_fen,
               coalesce(sum(payer_fen) FILTER (WHERE kind = 'CONFIRM'), 0) AS payer_fen,
               coalesce(sum(government) FILTER (WHERE kind = 'CONFIRM'), 0) AS government_fen,
               coalesce(sum(bank) FILTER (WHERE kind = 'CONFIRM'), 0) AS bank_fen,
               coalesce(sum(merchant) FILTER (WHERE kind = 'CONFIRM'), 0) AS merchant_fen,
               count(*) FILTER (WHERE kind = 'CANCEL') AS cancels,
               coalesce(sum(subsidy_fen) FILTER (WHERE kind = 'CANCEL'), 0) AS cancelled_fen,
               count(*) FILTER (WHERE kind = 'REFUND') AS refunds,
               coalesce(sum(subsidy_fen) FILTER (WHERE kind = 'REFUND'), 0) AS refunded_fen,
               count(DISTINCT merchant_id) AS merchants, count(DISTINCT store_id) AS stores
          FROM facts GROUP BY batch_id, client_id, industry, district
    )
    SELECT b.name, k.name, industry, coalesce(g.name, district),
           coalesce(c.claimed, 0)::bigint, coalesce(c.claimed_fen, 0)::bigint,
           coalesce(c.claimants, 0)::bigint, coalesce(p.redeemed, 0)::bigint,
           coalesce(p.redeemed_fen, 0)::bigint, coalesce(p.order_fen, 0)::bigint,
           coalesce(p.payer_fen, 0)::bigint, coalesce(p.government_fen, 0)::bigint,
           coalesce(p.bank_fen, 0)::bigint, coalesce(p.merchant_fen, 0)::bigint,
           coalesce(p.cancels, 0)::bigint, coalesce(p.cancelled_fen, 0)::bigint,
           coalesce(p.refunds, 0)::bigint, coalesce(p.refunded_fen, 0)::bigint,
           coalesce(p.merchants, 0)::bigint, coalesce(p.stores, 0)::bigint
      FROM claims c FULL JOIN paid p USING (batch_id, client_id, industry, district)
      JOIN vouchers_batch b ON b.id = batch_id
      JOIN core_client k ON k.id = client_id
      LEFT JOIN core_region g ON g.code = district
     ORDER BY b.position, b.code, k.name, industry, district
"""

# Per batch at the end of the day: released and expired that day, face still out, left to release.
DAILY_BATCHES = """
    SELECT b.name,
           w.units * b.pack_quantity, w.units * b.pack_quantity * b.face_fen,
           (SELECT count(*) FROM vouchers_voucher v WHERE v.batch_id = b.id
               AND v.state = 'EXPIRED' AND v.valid_until >= %(since)s
               AND v.valid_until < %(until)s),
           (SELECT count(*) FROM vouchers_voucher v WHERE v.batch_id = b.id
               AND v.state = 'EXPIRED' AND v.valid_until >= %(since)s
               AND v.valid_until < %(until)s) * b.face_fen,
           coalesce((SELECT sum(a.balance_fen) FROM core_account a
                      WHERE a.campaign_id = b.campaign_id AND a.unit_id = b.id
                        AND a.kind IN ('OUTSTANDING', 'HELD')), 0)::bigint,
           coalesce((SELECT sum(a.balance_fen) FROM core_account a
                      WHERE a.campaign_id = b.campaign_id AND a.unit_id = b.id
                        AND a.kind IN ('ALLOCATED', 'RESERVED')), 0)::bigint
      FROM vouchers_batch b
     CROSS JOIN LATERAL (
        SELECT coalesce(sum(q.opened_units), 0)::bigint AS units FROM vouchers_quotarelease q
         WHERE q.batch_id = coalesce(b.pack_id, b.id)
           AND q.opened_at >= %(since)s AND q.opened_at < %(until)s) w
     WHERE b.campaign_id = %(campaign)s AND b.kind <> 'PACK' ORDER BY b.position, b.code
"""

# What was noticed that day: hits by rule, cases opened, exceptions of this campaign by kind.
ALARMS = """
    SELECT 1 AS place, 'HIT' AS section, h.rule AS item, count(*)::bigint,
           sum(jsonb_array_length(h.fact_ids))::bigint, NULL::bigint
      FROM core_hit h
     WHERE h.campaign_id = %(campaign)s AND h.at >= %(since)s AND h.at < %(until)s
     GROUP BY h.rule
    UNION ALL
    SELECT 2, 'CASE', '', count(*), NULL, coalesce(sum(c.frozen_fen), 0)::bigint
      FROM core_case c
     WHERE c.campaign_id = %(campaign)s AND c.opened_at >= %(since)s AND c.opened_at < %(until)s
    UNION ALL
    SELECT 3, 'EXCEPTION', e.kind, count(*), NULL, sum(e.amount_fen)::bigint
      FROM redemption_exceptionitem e
     WHERE e.opened_at >= %(since)s AND e.opened_at < %(until)s
       AND CASE e.kind
           WHEN 'LATE_CONFIRM' THEN EXISTS (
                SELECT 1 FROM redemption_redemption r
                 WHERE r.id = e.subject_id::uuid AND r.campaign_id = %(campaign)s)
           WHEN 'PAYOUT_RETURNED' THEN EXISTS (
                SELECT 1 FROM redemption_payout o
                  JOIN redemption_settlementbatch b ON b.id = o.batch_id
                 WHERE o.reference = split_part(e.subject_id, ':', 1)
                   AND b.campaign_id = %(campaign)s)
           WHEN 'MISSING_FILE' THEN EXISTS (
                SELECT 1 FROM merchants_acquirer a
                  JOIN redemption_redemption r ON r.acquirer_id = a.id
                 WHERE a.code = split_part(e.subject_id, ':', 1)
                   AND r.campaign_id = %(campaign)s)
           ELSE false END
     GROUP BY e.kind
     ORDER BY 1, 3
"""

BRIDGE = """
    SELECT s.kind, (s.at AT TIME ZONE 'Asia/Shanghai')::date = %(day)s AS natural,
           s.business_date = %(day)s AS business, count(*), sum(s.order_fen)::bigint,
           sum(s.subsidy_fen)::bigint
      FROM redemption_redemptionstep s
      JOIN redemption_redemption r ON r.id = s.redemption_id
     WHERE r.campaign_id = %(campaign)s AND s.kind IN ('CONFIRM', 'CANCEL', 'REFUND')
       AND (s.business_date = %(day)s
            OR s.business_date BETWEEN %(day)s - 1 AND %(day)s + 1
               AND (s.at AT TIME ZONE 'Asia/Shanghai')::date = %(day)s)
     GROUP BY 1, 2, 3
"""

ACQUIRERS_OF_DAY = """
    SELECT DISTINCT r.acquirer_id FROM redemption_redemptionstep s
      JOIN redemption_redemption r ON r.id = s.redemption_id
     WHERE r.campaign_id = %(campaign)s AND s.business_date = %(day)s
       AND s.kind IN ('CONFIRM', 'CANCEL', 'REFUND')
    UNION
    SELECT acquirer_id FROM redemption_settlementbatch
     WHERE campaign_id = %(campaign)s AND business_date = %(day)s AND state <> 'REJECTED'
     ORDER BY 1
"""
