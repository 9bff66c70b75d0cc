"""The checks of this room over the books (architecture.md, Invariants); each returns no row."""

from core.invariants.registry import register
from vouchers.audience_checks import AUDIENCE_CHECKS
from vouchers.grant_checks import GRANT_CHECKS

# The latest business moment the books know of: entries, and the ticks of scheduled work.
_NOW = "greatest((SELECT max(at) FROM core_entry), (SELECT max(tick_at) FROM core_scheduledtick))"

COUNTER_CHECKS = (
    (
        "vouchers.counters_within_plan",
        "批次计数：0 ≤ 已领取 ≤ 已投放 ≤ 计划 + 过期可再投放",
        """
        SELECT id AS batch, issued, released, planned_units, returned_units FROM vouchers_batch
        WHERE issued < 0 OR issued > released OR released > planned_units + returned_units""",
    ),
    (
        "vouchers.issued_is_rows",
        "已领取张数等于券的行数与最大序号",
        """
        SELECT b.id AS batch, b.issued, v.rows, v.last, s.issued AS slices, c.units AS claims,
               p.issued AS in_packs
        FROM vouchers_batch b
        LEFT JOIN (SELECT id AS pack_id, issued FROM vouchers_batch) p USING (pack_id)
        CROSS JOIN LATERAL (SELECT count(*) AS rows, coalesce(max(number), 0) AS last
                              FROM vouchers_voucher WHERE batch_id = b.id) v
        CROSS JOIN LATERAL (SELECT coalesce(sum(q.issued), 0) AS issued
                              FROM vouchers_quotaslice q
                              JOIN vouchers_quotarelease r ON r.id = q.release_id
                             WHERE r.batch_id = b.id) s
        CROSS JOIN LATERAL (SELECT coalesce(sum(units), 0) AS units
                              FROM vouchers_claim WHERE batch_id = b.id) c
        WHERE CASE WHEN b.kind = 'PACK'
            THEN (b.issued, b.issued, 0, 0) <> (s.issued, c.units, v.rows, v.last)
            ELSE (b.issued, b.issued) <> (v.rows, v.last) OR (s.issued, c.units)
                <> (CASE WHEN b.pack_id IS NULL THEN b.issued ELSE 0 END,
                    CASE WHEN b.pack_id IS NULL THEN b.issued ELSE 0 END) END
            OR b.issued <> p.issued * b.pack_quantity""",
    ),
    (
        "vouchers.slice_is_claims",
        "渠道额度的已领取等于其领取记录，且不超过额度",
        """
        SELECT q.id AS slice, q.planned, q.issued, coalesce(c.units, 0) AS claims
        FROM vouchers_quotaslice q
        LEFT JOIN (SELECT slice_id, sum(units) AS units FROM vouchers_claim GROUP BY slice_id) c
               ON c.slice_id = q.id
        WHERE q.issued <> coalesce(c.units, 0) OR q.issued > q.planned""",
    ),
    (
        "vouchers.released_is_waves",
        "已投放张数等于各次投放减收回，投放等于其渠道额度",
        """
        SELECT b.id AS batch, b.released, coalesce(r.units, 0) AS waves,
               coalesce(r.slices, 0) AS slices
        FROM vouchers_batch b
        LEFT JOIN (SELECT w.batch_id, sum(w.opened_units - w.closed_units) AS units,
                          sum(w.opened_units) AS opened, sum(s.planned) AS slices
                     FROM vouchers_quotarelease w
                     LEFT JOIN (SELECT release_id, sum(planned) AS planned
                                  FROM vouchers_quotaslice GROUP BY release_id) s
                            ON s.release_id = w.id
                    WHERE w.state IN ('OPEN', 'CLOSED') GROUP BY w.batch_id) r
               ON r.batch_id = b.id
        LEFT JOIN vouchers_batch p ON p.id = b.pack_id
        WHERE b.released <> CASE WHEN b.pack_id IS NULL THEN coalesce(r.units, 0)
                ELSE p.released * b.pack_quantity END
           OR coalesce(r.opened, 0) <> coalesce(r.slices, 0)""",
    ),
    (
        "vouchers.limits_within_cap",
        "任何身份标识的用量不超过上限",
        "SELECT limit_id, window_start, key_id, used, cap FROM vouchers_limituse WHERE used > cap",
    ),
    (
        "vouchers.caps_as_claimed",
        "本日、本周投放上限的用量等于其领取记录",
        f"""
        WITH capped AS (
            SELECT b.campaign_id, b.id AS batch_id, b.face_fen,
                   '#' || CASE cap ->> 'scope' WHEN 'CAMPAIGN' THEN ''
                          WHEN 'GROUP' THEN '@' || (v.rules ->> 'group') || ':'
                          ELSE b.code || ':' END || (cap ->> 'code') AS code,
                   make_interval(days => CASE cap ->> 'window' WHEN 'WEEK' THEN 7 ELSE 1 END)
                       AS lasts
            FROM vouchers_batch b
            JOIN vouchers_batchversion v ON v.id = b.version_id
            CROSS JOIN LATERAL jsonb_array_elements(v.rules -> 'caps') AS cap)
        SELECT l.code AS limit, u.window_start, u.used_units, u.used_fen,
               c.units AS claimed_units, c.fen AS claimed_fen
        FROM vouchers_capuse u JOIN vouchers_limit l ON l.id = u.limit_id
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(k.units), 0) AS units, coalesce(sum(k.units * b.face_fen), 0) AS fen
            FROM capped b JOIN vouchers_claim k ON k.batch_id = b.batch_id
                 AND k.at >= u.window_start AND k.at < u.window_end
            WHERE b.campaign_id = l.campaign_id AND b.code = l.code) c
        WHERE {_NOW} < u.window_end AND (u.used_units, u.used_fen) <> (c.units, c.fen)
              AND EXISTS (SELECT 1 FROM capped b
                           WHERE b.campaign_id = l.campaign_id AND b.code = l.code
                             AND u.window_end - u.window_start = b.lasts)""",  # noqa: S608 - constants
    ),
    (
        "vouchers.groups_exclude",
        "没有人领取了两个不可同享的组",
        """
        SELECT DISTINCT mine.code AS limit, theirs.code AS conflict, mu.key_id AS key
        FROM vouchers_batch b
        JOIN vouchers_batchversion v ON v.id = b.version_id
        CROSS JOIN LATERAL jsonb_array_elements_text(v.rules -> 'conflicts') AS other
        JOIN vouchers_limit mine ON mine.campaign_id = b.campaign_id
             AND mine.code = '@' || (v.rules ->> 'group')
        JOIN vouchers_limit theirs ON theirs.campaign_id = b.campaign_id
             AND theirs.code = '@' || other
        JOIN vouchers_limituse mu ON mu.limit_id = mine.id AND mu.used > 0
        JOIN vouchers_limituse tu ON tu.limit_id = theirs.id AND tu.key_id = mu.key_id
             AND tu.used > 0""",
    ),
)

MONEY_CHECKS = (
    (
        "vouchers.reserved_is_unissued",
        "已投放未领取金额等于未领取张数的各方出资",
        """
        SELECT b.id AS batch, f.funder_id AS funder, after.fen - before.fen AS expected_fen,
               coalesce(a.balance_fen, 0) AS balance_fen
        FROM vouchers_batch b
        CROSS JOIN LATERAL unnest(b.funder_ids) WITH ORDINALITY AS f(funder_id, n)
        JOIN LATERAL unnest(funder_sums(b.face_fen, b.weights, b.released))
             WITH ORDINALITY AS after(fen, n) USING (n)
        JOIN LATERAL unnest(funder_sums(b.face_fen, b.weights, b.issued))
             WITH ORDINALITY AS before(fen, n) USING (n)
        LEFT JOIN core_account a ON a.kind = 'RESERVED' AND a.campaign_id = b.campaign_id
              AND a.funder_id = f.funder_id AND a.unit_id = b.id
        WHERE after.fen - before.fen <> coalesce(a.balance_fen, 0)""",
    ),
    (
        "vouchers.state_is_money",
        "已领取未使用、占用中金额等于该状态的券",
        """
        WITH vouchers AS (
            SELECT v.batch_id, f.funder_id,
                   CASE WHEN v.state = 'HELD' THEN 'HELD' ELSE 'OUTSTANDING' END AS kind,
                   sum(p.fen) AS fen
              FROM vouchers_voucher v
              JOIN vouchers_batch b ON b.id = v.batch_id
              CROSS JOIN LATERAL unnest(v.parts) WITH ORDINALITY AS p(fen, n)
              JOIN LATERAL unnest(b.funder_ids) WITH ORDINALITY AS f(funder_id, n)
                   USING (n)
             WHERE v.state IN ('ACTIVE', 'FROZEN', 'HELD')
             GROUP BY 1, 2, 3),
        books AS (
            SELECT unit_id AS batch_id, funder_id, kind, balance_fen FROM core_account
             WHERE kind IN ('OUTSTANDING', 'HELD'))
        SELECT batch_id AS batch, funder_id AS funder, kind, coalesce(v.fen, 0) AS vouchers_fen,
               coalesce(b.balance_fen, 0) AS balance_fen
        FROM vouchers v FULL JOIN books b USING (batch_id, funder_id, kind)
        WHERE coalesce(v.fen, 0) <> coalesce(b.balance_fen, 0)""",
    ),
    (
        "vouchers.parts_are_face",
        "每张券的各方出资合计等于面额，并符合序号规则",
        """
        SELECT v.id AS voucher, v.number, v.parts, v.face_fen FROM vouchers_voucher v
        JOIN vouchers_batch b ON b.id = v.batch_id
        WHERE array_total(v.parts) <> v.face_fen OR v.face_fen <> b.face_fen
           OR v.parts <> funder_parts(b.face_fen, b.weights, v.number)""",
    ),
    (
        "vouchers.claim_is_entry",
        "每笔领取有且只有一张等额凭证",
        """
        WITH facts AS (
            SELECT c.entry_id, sum(c.units * b.face_fen) AS fen FROM vouchers_claim c
              JOIN vouchers_batch b ON b.id = c.batch_id GROUP BY c.entry_id),
        books AS (
            SELECT e.id AS entry_id, sum(p.amount_fen) AS fen FROM core_entry e
              JOIN core_posting p ON p.entry_id = e.id WHERE e.code = 'CLAIM' GROUP BY e.id)
        SELECT entry_id AS entry, facts.fen AS claims_fen, books.fen AS entry_fen
        FROM facts FULL JOIN books USING (entry_id) WHERE facts.fen IS DISTINCT FROM books.fen""",
    ),
)

ROW_CHECKS = (
    (
        "vouchers.swept_in_time",
        "到期一小时后没有未清扫的券",
        f"""
        SELECT id AS voucher, state, valid_until FROM vouchers_voucher
        WHERE state IN ('ACTIVE', 'FROZEN') AND valid_until < {_NOW} - interval '1 hour'""",  # noqa: S608
    ),
    (
        "vouchers.slices_fall_back_in_time",
        "渠道额度在回流时点一小时后没有未回流的",
        f"""
        SELECT s.id AS slice, s.planned, s.issued, r.fall_back_at, r.fell_back_at
        FROM vouchers_quotaslice s JOIN vouchers_quotarelease r ON r.id = s.release_id
        WHERE s.channel_id IS NOT NULL AND s.planned > s.issued
          AND (r.fell_back_at IS NOT NULL
               OR r.state = 'OPEN' AND r.fall_back_at < {_NOW} - interval '1 hour')""",  # noqa: S608
    ),
    (
        "vouchers.no_orphans",
        "领取与券的关联对象都存在且一致",
        """
        SELECT 'claim' AS kind, c.id FROM vouchers_claim c
        LEFT JOIN vouchers_enrolment e ON e.id = c.enrolment_id AND e.client_id = c.client_id
        LEFT JOIN vouchers_quotaslice q ON q.id = c.slice_id
        LEFT JOIN vouchers_quotarelease r ON r.id = q.release_id AND r.batch_id = c.batch_id
        LEFT JOIN vouchers_identitykey d ON d.id = c.device_id
        WHERE e.id IS NULL OR r.id IS NULL OR (d.id IS NULL AND c.device_id IS NOT NULL)
        UNION ALL
        SELECT 'voucher', v.id FROM vouchers_voucher v
        LEFT JOIN vouchers_batch b ON b.id = v.batch_id AND b.campaign_id = v.campaign_id
        LEFT JOIN vouchers_claim c ON c.id = v.claim_id
              AND c.batch_id = coalesce(b.pack_id, b.id)
              AND c.enrolment_id = v.enrolment_id AND c.client_id = v.client_id
        LEFT JOIN vouchers_batchversion r ON r.id = v.batch_version_id AND r.batch_id = v.batch_id
        WHERE c.id IS NULL OR b.id IS NULL OR r.id IS NULL""",
    ),
    (
        "vouchers.claim_has_its_vouchers",
        "每笔领取的张数等于其券数",
        """
        SELECT c.id AS claim, c.units, v.batch_id AS batch, v.vouchers
        FROM vouchers_claim c
        LEFT JOIN vouchers_batch made ON made.pack_id = c.batch_id
        LEFT JOIN (SELECT claim_id, batch_id, count(*) AS vouchers
                     FROM vouchers_voucher GROUP BY claim_id, batch_id) v
               ON v.claim_id = c.id AND v.batch_id = coalesce(made.id, c.batch_id)
        WHERE coalesce(v.vouchers, 0) <> c.units * coalesce(made.pack_quantity, 1)""",
    ),
)


def voucher_checks_register() -> None:
    """Make the checks known; repeating it changes nothing."""
    of_lists = (*GRANT_CHECKS, *AUDIENCE_CHECKS)
    for name, title, sql in (*COUNTER_CHECKS, *MONEY_CHECKS, *ROW_CHECKS, *of_lists):
        register(name, title, sql)
