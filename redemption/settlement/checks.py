"""What must always hold about settlement (architecture.md, Invariants)."""

from core.invariants.registry import register

_LIVE = "b.state <> 'REJECTED'"

_BALANCES = """
    WITH stages AS (
        SELECT CASE WHEN EXISTS (SELECT 1 FROM redemption_frozenfact z
                                  WHERE z.redemption_id = p.redemption_id AND z.state = 'ACTIVE'
                                    AND z.mode = 'MONEY')
                    THEN 'PAYABLE_FROZEN' ELSE 'PAYABLE' END AS kind,
               p.campaign_id, p.payee_id, p.funder_id, p.fen
          FROM settlement_fact_part p
         WHERE NOT p.written_off
           AND (p.kind = 'CONFIRM' OR p.booked_to IN ('PAYABLE', 'PAYABLE_FROZEN'))
           AND NOT EXISTS (SELECT 1 FROM redemption_settlementitem i WHERE i.fact_id = p.fact_id)
        UNION ALL
        SELECT 'MERCHANT_RECEIVABLE', p.campaign_id, p.payee_id, p.funder_id, -p.fen
          FROM settlement_fact_part p
         WHERE NOT p.written_off AND p.booked_to = 'MERCHANT_RECEIVABLE'
           AND NOT EXISTS (SELECT 1 FROM redemption_settlementitem i WHERE i.fact_id = p.fact_id)
        UNION ALL
        SELECT 'MERCHANT_RECEIVABLE', b.campaign_id, l.payee_id, n.funder_id, n.fen
          FROM redemption_settlementline l
          JOIN redemption_settlementbatch b ON b.id = l.batch_id
         CROSS JOIN LATERAL unnest(l.funder_ids, l.parts) AS n(funder_id, fen)
         WHERE b.state <> 'REJECTED' AND l.kind IN ('CARRY_IN', 'CARRY_OUT')
        UNION ALL
        SELECT 'MERCHANT_RECEIVABLE', t.campaign_id, a.unit_id, t.funder_id, t.amount_fen
          FROM core_posting t JOIN core_entry e ON e.id = t.entry_id
          JOIN core_account a ON a.id = t.debit_account_id
         WHERE e.code = 'RECOVER' AND a.kind = 'MERCHANT_RECEIVABLE'
        UNION ALL
        -- Refunds put into a line before their payment was recovered: no longer owed.
        SELECT 'MERCHANT_RECEIVABLE', p.campaign_id, p.payee_id, p.funder_id, p.fen
          FROM settlement_fact_part p
         WHERE p.written_off AND p.booked_to = 'MERCHANT_RECEIVABLE'
           AND EXISTS (SELECT 1 FROM redemption_settlementitem i WHERE i.fact_id = p.fact_id)
        UNION ALL
        SELECT 'MERCHANT_RECEIVABLE', campaign_id, payee_id, funder_id, -amount_fen
          FROM redemption_merchantrepayment
        UNION ALL
        SELECT 'SETTLING', b.campaign_id, l.payee_id, n.funder_id, n.fen
          FROM redemption_settlementline l
          JOIN redemption_settlementbatch b ON b.id = l.batch_id
         CROSS JOIN LATERAL unnest(l.funder_ids, l.parts) AS n(funder_id, fen)
         WHERE b.state IN ('DRAFT', 'CHECKED')
        UNION ALL
        SELECT CASE o.state WHEN 'RETURNED' THEN 'SETTLING' ELSE 'IN_TRANSIT' END,
               b.campaign_id, o.payee_id, n.funder_id, n.fen
          FROM redemption_payout o JOIN redemption_settlementbatch b ON b.id = o.batch_id
         CROSS JOIN LATERAL unnest(o.funder_ids, o.parts) AS n(funder_id, fen)
         WHERE o.state <> 'PAID'
    ), expected AS (
        SELECT kind, campaign_id, payee_id, funder_id, sum(fen)::bigint AS fen FROM stages
         GROUP BY kind, campaign_id, payee_id, funder_id
    ), booked AS (
        SELECT kind, campaign_id, unit_id AS payee_id, funder_id, balance_fen
          FROM core_account
         WHERE kind IN ('PAYABLE', 'PAYABLE_FROZEN', 'MERCHANT_RECEIVABLE', 'SETTLING',
                        'IN_TRANSIT')
    )
    SELECT payee_id AS payee, kind, campaign_id AS campaign, funder_id AS funder,
           coalesce(fen, 0) AS facts_fen, coalesce(balance_fen, 0) AS balance_fen
      FROM expected FULL JOIN booked USING (kind, campaign_id, payee_id, funder_id)
     WHERE coalesce(fen, 0) <> coalesce(balance_fen, 0)
"""

_LINE_TOTALS = f"""
    WITH facts AS (
        SELECT i.line_id, p.funder_id, sum(p.fen)::bigint AS fen
          FROM redemption_settlementitem i JOIN settlement_fact_part p ON p.fact_id = i.fact_id
         GROUP BY i.line_id, p.funder_id
    ), lines AS (
        SELECT l.id AS line_id, n.funder_id, n.fen
          FROM redemption_settlementline l
          JOIN redemption_settlementbatch b ON b.id = l.batch_id
         CROSS JOIN LATERAL unnest(l.funder_ids, l.parts) AS n(funder_id, fen)
         WHERE l.kind IN ('POSITIVE', 'NEGATIVE') AND {_LIVE}
    )
    SELECT line_id AS line, funder_id AS funder, coalesce(lines.fen, 0) AS line_fen,
           coalesce(facts.fen, 0) AS facts_fen
      FROM lines FULL JOIN facts USING (line_id, funder_id)
     WHERE coalesce(lines.fen, 0) <> coalesce(facts.fen, 0)
    UNION ALL
    SELECT i.line_id, NULL, sum(i.amount_fen), l.amount_fen
      FROM redemption_settlementitem i JOIN redemption_settlementline l ON l.id = i.line_id
     GROUP BY i.line_id, l.amount_fen, l.fact_count
    HAVING sum(i.amount_fen) <> l.amount_fen OR count(*) <> l.fact_count
"""  # noqa: S608 - constants of this module

_BATCH_TOTALS = f"""
    SELECT b.id AS batch, b.code, b.payout_fen, t.fen AS lines_fen
      FROM redemption_settlementbatch b
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(l.amount_fen), 0) AS fen,
                  coalesce(sum(l.amount_fen) FILTER (WHERE l.kind = 'POSITIVE'), 0) AS positive,
                  coalesce(sum(l.amount_fen) FILTER (WHERE l.kind = 'NEGATIVE'), 0) AS negative,
                  coalesce(sum(l.fact_count), 0) AS facts
             FROM redemption_settlementline l WHERE l.batch_id = b.id) t
     WHERE {_LIVE} AND b.built_at IS NOT NULL
       AND (b.payout_fen, b.positive_fen, b.negative_fen, b.fact_count)
           IS DISTINCT FROM (t.fen, t.positive, t.negative, t.facts)
"""  # noqa: S608 - constants of this module

_ONE_LINE = """
    SELECT i.fact_id AS fact, i.line_id AS line, b.state
      FROM redemption_settlementitem i
      LEFT JOIN redemption_settlementline l ON l.id = i.line_id
      LEFT JOIN redemption_settlementbatch b ON b.id = l.batch_id
      LEFT JOIN redemption_redemptionstep s ON s.id = i.fact_id
      LEFT JOIN redemption_redemption r ON r.id = s.redemption_id
     WHERE b.id IS NULL OR r.id IS NULL OR b.state = 'REJECTED'
        OR (r.payee_id, r.campaign_id, r.acquirer_id)
           IS DISTINCT FROM (l.payee_id, b.campaign_id, b.acquirer_id)
        OR s.kind NOT IN ('CONFIRM', 'CANCEL', 'REFUND')
        OR l.kind NOT IN ('POSITIVE', 'NEGATIVE')
"""

_TOGETHER = """
    SELECT s.id AS fact, s.redemption_id AS redemption, i.line_id AS line
      FROM redemption_redemptionstep c
      JOIN redemption_settlementitem i ON i.fact_id = c.id
      JOIN redemption_redemptionstep s ON s.redemption_id = c.redemption_id
           AND s.kind IN ('CANCEL', 'REFUND')
           AND s.detail ->> 'booked_to' IN ('PAYABLE', 'PAYABLE_FROZEN')
      LEFT JOIN redemption_settlementitem j ON j.fact_id = s.id
     WHERE c.kind = 'CONFIRM' AND j.line_id IS DISTINCT FROM i.line_id
       AND EXISTS (SELECT 1 FROM settlement_fact_part p WHERE p.fact_id = s.id)
"""

# What came off payable before assignment goes with its payment, whatever its own date.
_NOTHING_EARLY = f"""
    SELECT i.fact_id AS fact, b.code AS batch, s.business_date, b.business_date AS settled_for
      FROM redemption_settlementitem i
      JOIN redemption_settlementline l ON l.id = i.line_id
      JOIN redemption_settlementbatch b ON b.id = l.batch_id
      JOIN redemption_redemptionstep s ON s.id = i.fact_id
     WHERE s.business_date > b.business_date
       AND (s.kind = 'CONFIRM' OR s.detail ->> 'booked_to' = 'MERCHANT_RECEIVABLE')
    UNION ALL
    SELECT b.id, b.code, b.due_on, b.business_date FROM redemption_settlementbatch b
     WHERE (b.sent_at AT TIME ZONE 'Asia/Shanghai')::date < b.due_on AND {_LIVE}
"""  # noqa: S608 - constants of this module

_PAID = """
    SELECT o.id AS payout, o.reference, o.amount_fen, lines.fen AS lines_fen,
           bank.fen AS bank_fen
      FROM redemption_payout o
     CROSS JOIN LATERAL (SELECT coalesce(sum(l.amount_fen), 0) AS fen
                           FROM redemption_settlementline l
                          WHERE l.batch_id = o.batch_id AND l.payee_id = o.payee_id) lines
     CROSS JOIN LATERAL (SELECT coalesce(sum(k.amount_fen), 0) AS fen
                           FROM redemption_bankline k
                          WHERE k.payout_id = o.id AND k.outcome = 'PAID') bank
     WHERE o.amount_fen <> lines.fen
        OR bank.fen <> CASE o.state WHEN 'PAID' THEN o.amount_fen ELSE 0 END
    UNION ALL
    SELECT b.id, b.code, b.payout_fen, coalesce(sum(o.amount_fen), 0), NULL
      FROM redemption_settlementbatch b LEFT JOIN redemption_payout o ON o.batch_id = b.id
     WHERE b.state IN ('APPROVED', 'SENT', 'PAID', 'PARTIALLY_PAID')
     GROUP BY b.id HAVING b.payout_fen <> coalesce(sum(o.amount_fen), 0)
"""

_LEFT_BEHIND = """
    SELECT s.id AS fact, s.business_date, r.payee_id AS payee
      FROM redemption_redemptionstep s
      JOIN redemption_redemption r ON r.id = s.redemption_id
      JOIN (SELECT campaign_id, acquirer_id, max(business_date) AS latest
              FROM redemption_settlementbatch WHERE state <> 'REJECTED'
             GROUP BY campaign_id, acquirer_id) b USING (campaign_id, acquirer_id)
     WHERE s.kind IN ('CONFIRM', 'CANCEL', 'REFUND') AND s.business_date <= b.latest - 7
       AND (s.kind = 'CONFIRM' OR s.detail ->> 'booked_to' = 'MERCHANT_RECEIVABLE')
       AND NOT EXISTS (SELECT 1 FROM redemption_settlementitem i WHERE i.fact_id = s.id)
       AND NOT EXISTS (SELECT 1 FROM redemption_frozenfact z
                        WHERE z.redemption_id = r.id
                          AND (z.state = 'ACTIVE' OR z.state = 'RECOVERED' AND z.mode = 'MONEY'
                               OR z.closed_at > s.at))
       AND NOT EXISTS (SELECT 1 FROM redemption_frozenfact z
                        WHERE z.payee_id = r.payee_id AND z.campaign_id = r.campaign_id
                          AND z.mode = 'NEXT_PAYOUT' AND (z.state = 'ACTIVE' OR z.closed_at > s.at))
       AND EXISTS (SELECT 1 FROM settlement_fact_part p WHERE p.fact_id = s.id)
"""

CHECKS = (
    ("settlement.fact_in_one_line", "每笔已结算明细只在一个有效结算行", _ONE_LINE),
    ("settlement.facts_together", "结算前的退款与其核销在同一结算行", _TOGETHER),
    ("settlement.line_totals", "结算行合计等于其明细", _LINE_TOTALS),
    ("settlement.batch_totals", "结算批次合计等于其结算行", _BATCH_TOTALS),
    ("settlement.nothing_early", "不提前结算、不提前划付", _NOTHING_EARLY),
    ("settlement.paid_within_settled", "划付等于结算行，付款等于银行流水", _PAID),
    ("settlement.balances", "应付、冻结、结算中、在途与应收余额等于处于该环节的明细", _BALANCES),
    ("settlement.nothing_left_behind", "超过七天的明细均已结算或有冻结原因", _LEFT_BEHIND),
)


def settlement_checks_register() -> None:
    """Register the checks of settlement."""
    for name, title, sql in CHECKS:
        register(name, title, sql)
