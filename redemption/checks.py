"""The redemption room's own checks (architecture.md, Invariants); each returns what breaks it."""

from core.invariants.registry import register

# Business time as core.clock computes it: the row, or real time where there is none.
_BUSINESS_NOW = """
    SELECT coalesce((SELECT business_anchor + (clock_timestamp() - wall_anchor) * rate
                       FROM core_businessclock WHERE id = 1), clock_timestamp()) AS now
"""
# A region code covers its subtree: 450000 → 45…, 450100 → 4501…, 450103 → itself.
_COVERS = "{code} LIKE regexp_replace({region}, '(0000|00)$', '') || '%'"

STATE_CHECKS = (
    (
        "redemption.one_live_line",
        "每张券至多有一笔有效占用或核销，且与券状态一致",
        """
        SELECT v.id AS voucher, v.state, count(n.id) AS live_lines, max(r.state) AS redemption
        FROM vouchers_voucher v
        LEFT JOIN redemption_redemptionline n ON n.voucher_id = v.id AND n.live
        LEFT JOIN redemption_redemption r ON r.id = n.redemption_id
        GROUP BY v.id, v.state
        HAVING count(n.id) <> CASE WHEN v.state IN ('HELD', 'REDEEMED') THEN 1 ELSE 0 END
            OR max(r.state) <> CASE v.state WHEN 'HELD' THEN 'HELD' ELSE 'CONFIRMED' END""",
    ),
    (
        "redemption.no_orphan_hold",
        "没有超时一小时仍未释放的占用",
        f"""
        SELECT r.id AS redemption, r.hold_expires_at
        FROM redemption_redemption r CROSS JOIN ({_BUSINESS_NOW}) clock
        WHERE r.state = 'HELD' AND r.hold_expires_at < clock.now - interval '1 hour'""",  # noqa: S608 - constants
    ),
    (
        "redemption.steps_follow",
        "核销步骤连续、合法，且与状态一致",
        """
        WITH steps AS (
            SELECT redemption_id, seq, kind,
                lag(kind) OVER (PARTITION BY redemption_id ORDER BY seq) AS before,
                row_number() OVER (PARTITION BY redemption_id ORDER BY seq) AS place
            FROM redemption_redemptionstep),
        last AS (
            SELECT DISTINCT ON (redemption_id) redemption_id, seq, kind
            FROM redemption_redemptionstep ORDER BY redemption_id, seq DESC)
        SELECT redemption_id AS redemption, seq, before, kind FROM steps
        WHERE seq <> place OR (coalesce(before, '-'), kind) NOT IN (
            ('-', 'HOLD'), ('HOLD', 'CONFIRM'), ('HOLD', 'RELEASE'), ('HOLD', 'TIME_OUT'),
            ('TIME_OUT', 'CONFIRM'), ('CONFIRM', 'CANCEL'), ('CONFIRM', 'REFUND'),
            ('REFUND', 'REFUND'))
        UNION ALL
        SELECT r.id, r.last_step, r.state, last.kind
        FROM redemption_redemption r LEFT JOIN last ON last.redemption_id = r.id
        WHERE last.seq IS DISTINCT FROM r.last_step
            OR r.state <> CASE last.kind WHEN 'HOLD' THEN 'HELD' WHEN 'CONFIRM' THEN 'CONFIRMED'
                WHEN 'REFUND' THEN 'CONFIRMED' WHEN 'RELEASE' THEN 'RELEASED'
                WHEN 'TIME_OUT' THEN 'TIMED_OUT' ELSE 'CANCELLED' END""",
    ),
    (
        "redemption.no_orphan_reference",
        "核销单、明细、步骤所指的对象都存在",
        """
        SELECT n.id::text AS row, 'line' AS of FROM redemption_redemptionline n
        WHERE NOT EXISTS (SELECT FROM redemption_redemption r WHERE r.id = n.redemption_id)
            OR NOT EXISTS (SELECT FROM vouchers_voucher v WHERE v.id = n.voucher_id
                AND v.batch_id = n.batch_id)
        UNION ALL
        SELECT s.id::text, 'step' FROM redemption_redemptionstep s
        WHERE NOT EXISTS (SELECT FROM redemption_redemption r WHERE r.id = s.redemption_id)
            OR s.entry_id IS NOT NULL
                AND NOT EXISTS (SELECT FROM core_entry e WHERE e.id = s.entry_id)
        UNION ALL
        SELECT r.id::text, 'redemption' FROM redemption_redemption r
        WHERE NOT EXISTS (SELECT FROM redemption_redemptionline n WHERE n.redemption_id = r.id)
            OR NOT EXISTS (SELECT FROM core_client c WHERE c.id = r.client_id)
            OR NOT EXISTS (SELECT FROM merchants_payee p WHERE p.id = r.payee_id)
            OR NOT EXISTS (SELECT FROM merchants_terminal t WHERE t.id = r.terminal_id
                AND t.store_id = r.store_id)""",
    ),
    (
        "redemption.limits_counted",
        "核销限额的已用次数等于有效的核销次数",
        """
        WITH counted AS (
            SELECT l.limit_id, l.window_start, l.key_id, count(*) AS used
            FROM redemption_redemption r
            CROSS JOIN LATERAL jsonb_to_recordset(r.limit_uses)
                AS l(limit_id bigint, window_start timestamptz, key_id bigint)
            WHERE r.state IN ('HELD', 'CONFIRMED') AND NOT EXISTS (
                SELECT FROM redemption_redemptionstep s
                WHERE s.redemption_id = r.id AND s.voucher_fate = 'RETURNED')
            GROUP BY 1, 2, 3)
        SELECT u.limit_id AS limit, u.window_start, u.key_id AS key, u.used, c.used AS counted
        FROM vouchers_limituse u
        JOIN vouchers_limit l ON l.id = u.limit_id AND l.side = 'REDEMPTION'
        LEFT JOIN counted c USING (limit_id, window_start, key_id)
        WHERE u.used <> coalesce(c.used, 0)""",
    ),
)

RULE_CHECKS = (
    (
        "redemption.confirmed_in_validity",
        "核销的占用时间在券有效期内",
        """
        SELECT r.id AS redemption, r.held_at, v.valid_from, v.valid_until
        FROM redemption_redemption r
        JOIN redemption_redemptionline n ON n.redemption_id = r.id
        JOIN vouchers_voucher v ON v.id = n.voucher_id
        WHERE r.confirmed_at IS NOT NULL
            AND NOT (r.held_at >= v.valid_from AND r.held_at < v.valid_until)""",
    ),
    (
        "redemption.confirmed_in_hours",
        "核销的占用时间在券的可用时段内",
        """
        SELECT r.id AS redemption, r.held_at, b.rules #> '{use,hours}' AS hours
        FROM redemption_redemption r
        JOIN redemption_redemptionline n ON n.redemption_id = r.id
        JOIN vouchers_voucher v ON v.id = n.voucher_id
        JOIN vouchers_batchversion b ON b.id = v.batch_version_id
        CROSS JOIN LATERAL (SELECT r.held_at AT TIME ZONE 'Asia/Shanghai' AS at) here
        WHERE r.confirmed_at IS NOT NULL
            AND coalesce(jsonb_array_length(b.rules #> '{use,hours}'), 0) > 0
            AND NOT EXISTS (
                SELECT FROM jsonb_to_recordset(b.rules #> '{use,hours}')
                    AS h(opens interval, closes interval, weekdays jsonb)
                CROSS JOIN LATERAL (
                    SELECT date_trunc('day', here.at) - back * interval '1 day' AS midnight
                    FROM generate_series(0, 1) AS back) began
                WHERE (coalesce(jsonb_array_length(h.weekdays), 0) = 0
                        OR h.weekdays @> to_jsonb(extract(isodow FROM began.midnight)::int))
                    AND here.at >= began.midnight + h.opens
                    AND here.at < began.midnight + h.closes
                        + CASE WHEN h.closes <= h.opens THEN interval '1 day'
                            ELSE interval '0' END)""",
    ),
    (
        "redemption.confirmed_in_region",
        "核销门店在活动和券的适用地区内",
        f"""
        SELECT r.id AS redemption, r.store_region
        FROM redemption_redemption r
        JOIN campaigns_campaign c ON c.id = r.campaign_id
        JOIN redemption_redemptionline n ON n.redemption_id = r.id
        JOIN vouchers_voucher v ON v.id = n.voucher_id
        JOIN vouchers_batchversion b ON b.id = v.batch_version_id
        CROSS JOIN LATERAL (SELECT CASE
            WHEN coalesce(jsonb_array_length(b.rules #> '{{use,regions}}'), 0) > 0
            THEN ARRAY(SELECT jsonb_array_elements_text(b.rules #> '{{use,regions}}'))
            ELSE c.regions::text[] END AS regions) scope
        WHERE r.confirmed_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM unnest(scope.regions) AS region
            WHERE {_COVERS.format(code="r.store_region", region="region")})""",  # noqa: S608 - constants
    ),
    (
        "redemption.confirmed_at_threshold",
        "核销的订单达到使用门槛，且顾客至少自付一分",
        """
        SELECT r.id AS redemption, r.order_fen, r.payable_fen
        FROM redemption_redemption r
        JOIN redemption_redemptionline n ON n.redemption_id = r.id
        JOIN vouchers_voucher v ON v.id = n.voucher_id
        JOIN vouchers_batchversion b ON b.id = v.batch_version_id
        WHERE r.confirmed_at IS NOT NULL AND (r.payable_fen < 1
            OR r.order_fen - CASE b.rules #>> '{benefit,basis}'
                    WHEN 'AFTER_DISCOUNTS' THEN r.other_discount_fen
                    WHEN 'AFTER_MERCHANT_DISCOUNTS'
                    THEN r.other_discount_fen - r.bank_discount_fen ELSE 0 END
                < coalesce(b.rules #>> '{benefit,threshold_fen}',
                    b.rules #>> '{benefit,tiers,0,from_fen}')::bigint)""",
    ),
    (
        "redemption.subsidy_as_ruled",
        "抵用金额等于面额，折扣券、阶梯券按规则计算",
        """
        WITH used AS (
            SELECT r.id, n.used_fen, v.face_fen, b.rules -> 'benefit' AS benefit,
                greatest(0, r.order_fen - CASE b.rules #>> '{benefit,basis}'
                    WHEN 'AFTER_DISCOUNTS' THEN r.other_discount_fen
                    WHEN 'AFTER_MERCHANT_DISCOUNTS'
                    THEN r.other_discount_fen - r.bank_discount_fen ELSE 0 END
                - coalesce((SELECT sum(g.value::bigint)
                              FROM jsonb_each_text(h.detail -> 'goods') AS g
                             WHERE b.rules #> '{use,excluded_goods}' ? g.key), 0)) AS base
            FROM redemption_redemption r
            JOIN redemption_redemptionline n ON n.redemption_id = r.id
            JOIN redemption_redemptionstep h ON h.redemption_id = r.id AND h.kind = 'HOLD'
            JOIN vouchers_voucher v ON v.id = n.voucher_id
            JOIN vouchers_batchversion b ON b.id = v.batch_version_id)
        SELECT id AS redemption, used_fen, face_fen, benefit, base FROM used
        WHERE base > (benefit ->> 'ceiling_fen')::bigint
            OR used_fen IS DISTINCT FROM CASE benefit ->> 'type'
            WHEN 'PERCENTAGE' THEN least(face_fen,
                div(2 * base * (benefit ->> 'rate_bp')::bigint + 10000, 20000))
            WHEN 'TIERS' THEN (SELECT max((t ->> 'subsidy_fen')::bigint)
                FROM jsonb_array_elements(benefit -> 'tiers') AS t
                WHERE base >= (t ->> 'from_fen')::bigint)
            ELSE face_fen END""",
    ),
    (
        "redemption.tenders_are_payment",
        "顾客支付方式合计等于顾客实付",
        """
        SELECT s.redemption_id AS redemption, s.payer_fen, s.detail -> 'tenders' AS tenders
        FROM redemption_redemptionstep s
        WHERE s.kind = 'CONFIRM' AND coalesce(jsonb_array_length(s.detail -> 'tenders'), 0) > 0
            AND s.payer_fen <> (SELECT sum((t ->> 'amount_fen')::bigint)
                                  FROM jsonb_array_elements(s.detail -> 'tenders') AS t)""",
    ),
)

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
        FROM rest CROSS JOIN ({_BUSINESS_NOW}) clock
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


def redemption_checks_register() -> None:
    """Register every check of this room's tables."""
    for name, title_zh, sql in (*STATE_CHECKS, *RULE_CHECKS, *MONEY_CHECKS):
        register(name, title_zh, sql)
