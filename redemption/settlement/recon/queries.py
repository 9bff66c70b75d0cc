"""The statements of matching. Ours: facts of an acquirer; theirs: staged rows."""

# Facts of the day and, from the day before, those still looked for; rows of the file and those of
# the day before whose fact was booked a day later. A trade number that occurs twice is told apart
# by its place, so a doubled row is a row too many.
_SIDES = """
    WITH held AS (
        SELECT d.id, d.fact_id, d.row_id FROM redemption_discrepancy d
          JOIN redemption_reconday y ON y.id = d.day_id
         WHERE y.acquirer_id = %(acquirer)s AND y.business_date = %(day)s - 1
           AND d.state = 'OPEN' AND d.kind IN ('CROSS_DAY', 'OURS_ONLY', 'THEIRS_ONLY')
           AND (d.fact_id IS NULL OR d.row_id IS NULL)
    ), ours AS (
        SELECT s.id AS fact_id, s.redemption_id, s.order_fen, s.subsidy_fen, s.at,
               CASE s.kind WHEN 'CONFIRM' THEN 'PAY' ELSE s.kind END AS kind,
               CASE WHEN s.kind = 'REFUND' THEN left(s.reference, 32)
                    ELSE left(r.channel_trade_no, 32) END AS trade_no,
               left(r.channel_trade_no, 32) AS origin_no, t.terminal_no, r.store_region,
               h.id AS held_id
          FROM redemption_redemptionstep s
          JOIN redemption_redemption r ON r.id = s.redemption_id
          JOIN merchants_terminal t ON t.id = r.terminal_id
          LEFT JOIN held h ON h.fact_id = s.id
         WHERE r.acquirer_id = %(acquirer)s AND s.kind IN ('CONFIRM', 'CANCEL', 'REFUND')
           AND (s.business_date = %(day)s OR h.id IS NOT NULL)
    ), theirs AS (
        SELECT w.id AS row_id, w.kind, w.trade_no, w.origin_no, w.terminal_no, w.traded_at,
               w.order_fen, w.discount_fen, h.id AS held_id
          FROM redemption_reconrow w LEFT JOIN held h ON h.row_id = w.id
         WHERE w.file_id = %(file)s OR h.id IS NOT NULL
    ), numbered_ours AS (
        SELECT *, row_number() OVER (PARTITION BY kind, trade_no ORDER BY at, fact_id) AS place
          FROM ours
    ), numbered_theirs AS (
        SELECT *, row_number() OVER (PARTITION BY kind, trade_no ORDER BY traded_at, row_id)
                  AS place FROM theirs
    ), by_number AS (
        SELECT o.fact_id, t.row_id
          FROM numbered_ours o JOIN numbered_theirs t USING (kind, trade_no, place)
         WHERE o.trade_no <> ''
    ), by_till AS (
        SELECT min(o.fact_id::text)::uuid AS fact_id, t.row_id
          FROM theirs t
          JOIN ours o ON o.kind = t.kind AND o.terminal_no = t.terminal_no
                     AND o.order_fen = t.order_fen
                     AND abs(extract(epoch FROM o.at - t.traded_at)) <= 60
                     AND (o.trade_no = '' OR t.trade_no = '')
         WHERE o.fact_id NOT IN (SELECT fact_id FROM by_number)
           AND t.row_id NOT IN (SELECT row_id FROM by_number)
         GROUP BY t.row_id HAVING count(*) = 1
    ), pairs AS (
        SELECT fact_id, row_id FROM by_number
        UNION
        SELECT fact_id, min(row_id) FROM by_till GROUP BY fact_id HAVING count(*) = 1
    )
"""

SUMMARY = (
    _SIDES  # noqa: S608 - constants of this module
    + """
    SELECT count(*), coalesce(sum(o.subsidy_fen), 0)::bigint
      FROM pairs p JOIN ours o USING (fact_id) JOIN theirs t USING (row_id)
     WHERE o.order_fen = t.order_fen AND o.subsidy_fen = t.discount_fen
"""
)

# What was held and has found its other side today.
HELD_FOUND = (
    _SIDES  # noqa: S608 - constants of this module
    + """
    SELECT coalesce(o.held_id, t.held_id) FROM pairs p
      JOIN ours o USING (fact_id) JOIN theirs t USING (row_id)
     WHERE (o.held_id IS NOT NULL OR t.held_id IS NOT NULL)
"""
)

DIFFERENCES = (
    _SIDES  # noqa: S608 - constants of this module
    + """
    SELECT 'AMOUNT_DIFFERS' AS kind, o.fact_id, t.row_id, o.redemption_id, o.trade_no,
           o.subsidy_fen AS ours_fen, t.discount_fen AS theirs_fen,
           t.order_fen - o.order_fen AS order_diff_fen, o.store_region
      FROM pairs p JOIN ours o USING (fact_id) JOIN theirs t USING (row_id)
     WHERE (o.order_fen <> t.order_fen OR o.subsidy_fen <> t.discount_fen)
    UNION ALL
    SELECT CASE WHEN o.kind <> 'PAY' THEN 'STATUS_DIFFERS'
                WHEN o.at >= %(cut_off)s - %(margin)s THEN 'CROSS_DAY'
                ELSE 'OURS_ONLY' END,
           o.fact_id, NULL, o.redemption_id, o.trade_no, o.subsidy_fen, NULL, -o.order_fen,
           o.store_region
      FROM ours o
     WHERE o.held_id IS NULL AND o.fact_id NOT IN (SELECT fact_id FROM pairs)
    UNION ALL
    SELECT CASE WHEN near.fact_id IS NOT NULL THEN 'CROSS_DAY'
                WHEN t.kind <> 'PAY' AND origin.id IS NOT NULL THEN 'STATUS_DIFFERS'
                ELSE 'THEIRS_ONLY' END,
           NULL, t.row_id, coalesce(near.redemption_id, origin.id), t.trade_no, NULL,
           t.discount_fen, t.order_fen, coalesce(near.store_region, origin.store_region, '')
      FROM theirs t
      LEFT JOIN LATERAL (
          SELECT s.id AS fact_id, s.redemption_id, r.store_region
            FROM redemption_redemption r
            JOIN redemption_redemptionstep s ON s.redemption_id = r.id
           WHERE r.acquirer_id = %(acquirer)s AND t.trade_no <> ''
             AND left(r.channel_trade_no, 32)
                 = CASE t.kind WHEN 'REFUND' THEN t.origin_no ELSE t.trade_no END
             AND (t.kind <> 'REFUND' OR left(s.reference, 32) = t.trade_no)
             AND s.kind = CASE t.kind WHEN 'PAY' THEN 'CONFIRM' ELSE t.kind END
             AND s.business_date = %(day)s + 1
           ORDER BY s.id LIMIT 1) near ON true
      LEFT JOIN LATERAL (
          SELECT r.id, r.store_region FROM redemption_redemption r
           WHERE r.acquirer_id = %(acquirer)s AND t.origin_no <> ''
             AND left(r.channel_trade_no, 32) = t.origin_no
           ORDER BY r.id LIMIT 1) origin ON true
     WHERE t.held_id IS NULL AND t.row_id NOT IN (SELECT row_id FROM pairs)
    ORDER BY 1, 5
"""
)
