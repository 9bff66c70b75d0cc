"""Checks: states, steps and counts of redemptions agree with each other."""

from redemption.checks.now import BUSINESS_NOW

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
        FROM redemption_redemption r CROSS JOIN ({BUSINESS_NOW}) clock
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
