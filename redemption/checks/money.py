"""Checks: the books say what redemptions say."""

from redemption.checks.now import BUSINESS_NOW

MONEY_CHECKS = (
    (
        "redemption.held_money",
        "占用中的资金等于占用中的券的面额",
        """
        WITH held AS (
            SELECT b.campaign_id, b.id AS batch_id, part.funder_id, sum(part.fen) AS fen
            FROM redemption_redemption r
            JOIN redemption_redemptionline n ON n.redemption_id = r.id AND n.live
            JOIN vouchers_voucher v ON v.id = n.voucher_id
            JOIN vouchers_batch b ON b.id = v.batch_id
            CROSS JOIN LATERAL ROWS FROM (unnest(b.funder_ids), unnest(v.parts))
                AS part(funder_id, fen)
            WHERE r.state = 'HELD' GROUP BY 1, 2, 3),
        booked AS (
            SELECT campaign_id, unit_id AS batch_id, funder_id, balance_fen AS fen
            FROM core_account WHERE kind = 'HELD')
        SELECT batch_id AS batch, funder_id AS funder, booked.fen AS booked_fen,
            held.fen AS held_fen
        FROM booked FULL JOIN held USING (campaign_id, batch_id, funder_id)
        WHERE coalesce(booked.fen, 0) <> coalesce(held.fen, 0)""",
    ),
    (
        "redemption.earmarked_money",
        "已用券保留余额等于面额未用部分，到期一小时后全部退回",
        f"""
        WITH rest AS (
            SELECT n.id AS line_id, b.campaign_id, b.id AS batch_id, e.ended_at, v.valid_until,
                e.parts, ARRAY(SELECT whole.fen - used.fen
                    FROM unnest(v.parts) WITH ORDINALITY AS whole(fen, place)
                    JOIN unnest(n.parts) WITH ORDINALITY AS used(fen, place) USING (place)
                    ORDER BY place) AS due, b.funder_ids
            FROM redemption_redemption r
            JOIN redemption_redemptionline n ON n.redemption_id = r.id
            JOIN vouchers_voucher v ON v.id = n.voucher_id AND v.face_fen > n.used_fen
            JOIN vouchers_batch b ON b.id = v.batch_id
            LEFT JOIN redemption_earmark e ON e.line_id = n.id
            WHERE r.confirmed_at IS NOT NULL),
        kept AS (
            SELECT campaign_id, batch_id, part.funder_id, sum(part.fen) AS fen
            FROM rest CROSS JOIN LATERAL ROWS FROM (unnest(funder_ids), unnest(parts))
                AS part(funder_id, fen)
            WHERE parts IS NOT NULL AND ended_at IS NULL GROUP BY 1, 2, 3),
        booked AS (
            SELECT campaign_id, unit_id AS batch_id, funder_id, balance_fen AS fen
            FROM core_account WHERE kind = 'EARMARKED')
        SELECT batch_id::text AS subject, funder_id AS funder, booked.fen AS booked_fen,
            kept.fen AS kept_fen
        FROM booked FULL JOIN kept USING (campaign_id, batch_id, funder_id)
        WHERE coalesce(booked.fen, 0) <> coalesce(kept.fen, 0)
        UNION ALL
        SELECT line_id::text, NULL, array_total(parts), array_total(due) FROM rest
        WHERE parts IS DISTINCT FROM due
        UNION ALL
        SELECT line_id::text, NULL, array_total(parts), 0
        FROM rest CROSS JOIN ({BUSINESS_NOW}) clock
        WHERE ended_at IS NULL AND valid_until < clock.now - interval '1 hour'""",  # noqa: S608 - constants
    ),
    (
        "redemption.steps_booked",
        "每个步骤都已记账，凭证金额等于其步骤合计",
        """
        WITH facts AS (
            -- A hold takes the whole face, whatever of it will be used.
            SELECT s.entry_id, part.funder_id, sum(part.fen) AS fen
            FROM redemption_redemptionstep s
            JOIN redemption_redemptionline n ON n.redemption_id = s.redemption_id
            JOIN vouchers_voucher v ON v.id = n.voucher_id
            CROSS JOIN LATERAL ROWS FROM (unnest(s.funder_ids), unnest(
                CASE WHEN s.kind IN ('HOLD', 'RELEASE', 'TIME_OUT') THEN v.parts
                    ELSE s.parts END)) AS part(funder_id, fen)
            WHERE s.entry_id IS NOT NULL AND part.fen > 0 GROUP BY 1, 2),
        booked AS (
            SELECT p.entry_id, p.funder_id, sum(p.amount_fen) AS fen
            FROM core_entry e JOIN core_posting p ON p.entry_id = e.id
            JOIN core_account d ON d.id = p.debit_account_id
            JOIN core_account c ON c.id = p.credit_account_id
            WHERE e.code IN ('HOLD', 'HOLD_RELEASE', 'HOLD_TIME_OUT', 'CONFIRM', 'CANCEL',
                    'REFUND')
                AND 'EARMARKED' NOT IN (d.kind, c.kind)
                AND (e.code <> 'CONFIRM' OR d.kind = 'HELD') GROUP BY 1, 2)
        SELECT entry_id AS entry, funder_id AS funder, facts.fen AS steps_fen,
            booked.fen AS booked_fen
        FROM facts FULL JOIN booked USING (entry_id, funder_id)
        WHERE facts.fen IS DISTINCT FROM booked.fen
        UNION ALL
        SELECT s.id, NULL, s.subsidy_fen, NULL FROM redemption_redemptionstep s
        WHERE s.entry_id IS NULL AND s.subsidy_fen > 0""",
    ),
    (
        "redemption.refund_sums",
        "累计退款等于各次退款之和，且不超过原额",
        """
        WITH refunds AS (
            SELECT redemption_id, count(*) AS times, sum(order_fen) AS order_fen,
                sum(payer_fen) AS payer_fen, sum(subsidy_fen) AS subsidy_fen
            FROM redemption_redemptionstep WHERE kind = 'REFUND' GROUP BY redemption_id)
        SELECT r.id AS redemption, r.refunded_order_fen, f.order_fen AS steps_fen
        FROM redemption_redemption r LEFT JOIN refunds f ON f.redemption_id = r.id
        WHERE (r.refund_count, r.refunded_order_fen, r.refunded_payer_fen,
                r.refunded_subsidy_fen)
            IS DISTINCT FROM (coalesce(f.times, 0), coalesce(f.order_fen, 0),
                coalesce(f.payer_fen, 0), coalesce(f.subsidy_fen, 0))
            OR r.refunded_order_fen > r.order_fen""",
    ),
    (
        "redemption.refund_shares",
        "每次退款后的累计金额符合该券退款政策的四舍五入规则",
        """
        WITH sums AS (
            SELECT s.redemption_id, s.seq, r.order_fen AS t, r.payable_fen AS c,
                r.subsidy_fen AS v, r.other_discount_fen AS d,
                b.rules ->> 'refund_policy' AS policy,
                sum(s.order_fen) OVER running AS asked, sum(s.payer_fen) OVER running AS payer,
                sum(s.subsidy_fen) OVER running AS subsidy
            FROM redemption_redemptionstep s
            JOIN redemption_redemption r ON r.id = s.redemption_id
            JOIN redemption_redemptionline n ON n.redemption_id = r.id
            JOIN vouchers_voucher u ON u.id = n.voucher_id
            JOIN vouchers_batchversion b ON b.id = u.batch_version_id
            WHERE s.kind = 'REFUND'
            WINDOW running AS (PARTITION BY s.redemption_id ORDER BY s.seq)),
        shares AS (
            SELECT *, div(2 * asked * c + t, 2 * t::numeric) AS payer_share,
                div(2 * asked * v + t, 2 * t::numeric) AS subsidy_share,
                div(2 * asked * (c + v) + t, 2 * t::numeric) AS both_share
            FROM sums),
        due AS (
            SELECT *, CASE policy WHEN 'OWN_MONEY_FIRST' THEN least(both_share, c)
                    ELSE payer_share END AS payer_due,
                CASE WHEN policy = 'OWN_MONEY_FIRST' THEN greatest(both_share - c, 0)
                    WHEN policy = 'CASH_ONLY' THEN 0
                    WHEN d = 0 THEN asked - payer_share ELSE subsidy_share END AS subsidy_due
            FROM shares)
        SELECT redemption_id AS redemption, seq, policy, asked, payer, payer_due, subsidy,
            subsidy_due
        FROM due WHERE payer <> payer_due OR subsidy <> subsidy_due""",
    ),
    (
        "redemption.refund_parts",
        "退回各出资方的累计金额不超过其出资",
        """
        WITH given AS (
            SELECT s.redemption_id, part.funder_id, sum(part.fen) AS fen, min(part.fen) AS least
            FROM redemption_redemptionstep s
            CROSS JOIN LATERAL ROWS FROM (unnest(s.funder_ids), unnest(s.parts))
                AS part(funder_id, fen)
            WHERE s.kind IN ('REFUND', 'CANCEL') GROUP BY 1, 2),
        confirmed AS (
            SELECT s.redemption_id, part.funder_id, part.fen
            FROM redemption_redemptionstep s
            CROSS JOIN LATERAL ROWS FROM (unnest(s.funder_ids), unnest(s.parts))
                AS part(funder_id, fen)
            WHERE s.kind = 'CONFIRM')
        SELECT g.redemption_id AS redemption, g.funder_id AS funder, g.fen, c.fen AS confirmed
        FROM given g LEFT JOIN confirmed c USING (redemption_id, funder_id)
        WHERE g.fen > coalesce(c.fen, 0) OR g.least < 0""",
    ),
)
