"""The set-based statements of settlement; what they read is in redemption/sql/settlement_*.sql."""

PAIRS_WITH_FACTS = """
    SELECT DISTINCT r.campaign_id, r.acquirer_id
      FROM redemption_redemptionstep s JOIN redemption_redemption r ON r.id = s.redemption_id
     WHERE s.kind IN ('CONFIRM', 'CANCEL', 'REFUND')
       AND s.business_date > %(day)s - %(days)s AND s.business_date <= %(day)s
    UNION
    SELECT z.campaign_id, p.acquirer_id FROM redemption_frozenfact z
      JOIN merchants_payee p ON p.id = z.payee_id
     WHERE z.state = 'RELEASED' AND z.closed_at > %(released_since)s
     ORDER BY 1, 2
"""

PAYEES = """
    SELECT payee_id, count(*) FROM settlement_candidates(%s, %s, %s, %s)
     GROUP BY payee_id ORDER BY payee_id
"""

LOCK_CANDIDATES = """
    SELECT id FROM redemption_redemption
     WHERE id IN (SELECT c.redemption_id FROM settlement_candidates(%s, %s, %s, %s) c
                   WHERE c.payee_id = ANY(%s))
     ORDER BY id FOR NO KEY UPDATE
"""

# One statement, so that what is inserted and what is added up is the same set. A reduction that
# came off payable follows its confirm into the line, whatever its own date.
ASSIGN = """
    WITH found AS (
        SELECT c.fact_id, c.payee_id, c.side, c.redemption_id
          FROM settlement_candidates(%(campaign)s, %(acquirer)s, %(day)s, %(days)s) c
         WHERE c.redemption_id = ANY(%(locked)s)
    ), facts AS (
        SELECT fact_id, payee_id, side FROM found
        UNION
        SELECT s.id, f.payee_id, f.side FROM found f
          JOIN redemption_redemptionstep s ON s.redemption_id = f.redemption_id
         WHERE f.side = 'POSITIVE' AND s.kind IN ('CANCEL', 'REFUND')
           AND s.detail ->> 'booked_to' IN ('PAYABLE', 'PAYABLE_FROZEN')
           AND EXISTS (SELECT 1 FROM settlement_fact_part p WHERE p.fact_id = s.id)
           AND NOT EXISTS (SELECT 1 FROM redemption_settlementitem i WHERE i.fact_id = s.id)
    ), inserted AS (
        INSERT INTO redemption_settlementitem (fact_id, line_id, amount_fen)
        SELECT f.fact_id, l.line_id,
               (SELECT sum(p.fen) FROM settlement_fact_part p WHERE p.fact_id = f.fact_id)
          FROM facts f
          JOIN unnest(%(payees)s::uuid[], %(sides)s::text[], %(lines)s::uuid[])
               AS l(payee_id, side, line_id) USING (payee_id, side)
        RETURNING fact_id, line_id
    )
    SELECT i.line_id, p.funder_id, sum(p.fen)::bigint, count(DISTINCT i.fact_id)
      FROM inserted i JOIN settlement_fact_part p ON p.fact_id = i.fact_id
     GROUP BY GROUPING SETS ((i.line_id, p.funder_id), (i.line_id))
"""

CARRIED = "SELECT payee_id, funder_id, fen FROM settlement_carried(%s, %s)"

BATCH_TOTALS = """
    UPDATE redemption_settlementbatch b
       SET positive_fen = t.positive, negative_fen = t.negative, carry_in_fen = t.carry_in,
           carry_out_fen = t.carry_out, payout_fen = t.payout, payee_count = t.payees,
           fact_count = t.facts
      FROM (SELECT coalesce(sum(amount_fen) FILTER (WHERE kind = 'POSITIVE'), 0) AS positive,
                   coalesce(sum(amount_fen) FILTER (WHERE kind = 'NEGATIVE'), 0) AS negative,
                   coalesce(sum(amount_fen) FILTER (WHERE kind = 'CARRY_IN'), 0) AS carry_in,
                   coalesce(sum(amount_fen) FILTER (WHERE kind = 'CARRY_OUT'), 0) AS carry_out,
                   coalesce(sum(amount_fen), 0) AS payout,
                   count(DISTINCT payee_id) AS payees, coalesce(sum(fact_count), 0) AS facts
              FROM redemption_settlementline WHERE batch_id = %(batch)s) t
     WHERE b.id = %(batch)s
"""

# Per payee and funder: what is to be paid, and what of the positive amount was netted.
PAYEE_NETS = """
    SELECT l.payee_id, p.funder_id, sum(p.fen)::bigint AS pay_fen,
           coalesce(sum(p.fen) FILTER (WHERE l.kind = 'POSITIVE'), 0)::bigint
             - sum(p.fen)::bigint AS netted_fen
      FROM redemption_settlementline l
     CROSS JOIN LATERAL unnest(l.funder_ids, l.parts) AS p(funder_id, fen)
     WHERE l.batch_id = %(batch)s
     GROUP BY l.payee_id, p.funder_id ORDER BY l.payee_id, p.funder_id
"""

CONTENT_DIGEST = """
    SELECT count(*), encode(sha256(convert_to(coalesce(string_agg(
               concat_ws('|', l.payee_id, l.kind, l.funder_ids::text, l.parts::text,
                         l.fact_count), E'\\n' ORDER BY l.payee_id, l.kind), ''), 'UTF8')), 'hex')
      FROM redemption_settlementline l WHERE l.batch_id = %s
"""

FAULTS = """
    WITH items AS (
        SELECT l.id, l.kind, l.amount_fen, l.fact_count, coalesce(sum(i.amount_fen), 0) AS fen,
               count(i.fact_id) AS facts
          FROM redemption_settlementline l
          LEFT JOIN redemption_settlementitem i ON i.line_id = l.id
         WHERE l.batch_id = %(batch)s GROUP BY l.id)
    SELECT 'line_totals' FROM items
     WHERE kind IN ('POSITIVE', 'NEGATIVE') AND (amount_fen <> fen OR fact_count <> facts)
    UNION
    SELECT 'batch_totals' FROM redemption_settlementbatch b
     WHERE b.id = %(batch)s AND b.payout_fen <> (SELECT coalesce(sum(amount_fen), 0) FROM items)
    UNION
    SELECT 'too_early' FROM redemption_settlementitem i
      JOIN redemption_settlementline l ON l.id = i.line_id
      JOIN redemption_settlementbatch b ON b.id = l.batch_id
      JOIN redemption_redemptionstep s ON s.id = i.fact_id
     WHERE b.id = %(batch)s AND s.business_date > b.business_date
       AND (s.kind = 'CONFIRM' OR s.detail ->> 'booked_to' = 'MERCHANT_RECEIVABLE')
    UNION
    SELECT 'frozen' FROM redemption_frozenfact z
      JOIN redemption_settlementitem i ON i.fact_id = z.fact_id
      JOIN redemption_settlementline l ON l.id = i.line_id
     WHERE l.batch_id = %(batch)s AND z.state = 'ACTIVE' AND z.mode = 'MONEY'
    ORDER BY 1
"""

LATER_BATCH = """
    SELECT b.code FROM redemption_settlementbatch b
     WHERE b.campaign_id = %(campaign)s AND b.acquirer_id = %(acquirer)s
       AND b.state <> 'REJECTED' AND b.created_at >= %(created_at)s AND b.id <> %(batch)s
       AND EXISTS (SELECT 1 FROM redemption_settlementline l
                     JOIN redemption_settlementline mine ON mine.payee_id = l.payee_id
                    WHERE l.batch_id = b.id AND mine.batch_id = %(batch)s)
     ORDER BY b.created_at DESC, b.code DESC LIMIT 1
"""

ITEMS_DELETE = """
    DELETE FROM redemption_settlementitem i USING redemption_settlementline l
     WHERE l.id = i.line_id AND l.batch_id = %s
"""
