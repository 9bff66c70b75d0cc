-- What settlement reads from the facts. Amounts are those of cash funders only: a merchant's own
-- concession is never settled (domain-rules §10).

-- One row per fact and cash funder; fen is positive for a CONFIRM, negative for CANCEL and REFUND.
-- "written_off": a case recovered the unpaid money of the redemption, so nothing of it is settled.
CREATE OR REPLACE VIEW settlement_fact_part AS
SELECT s.id AS fact_id, s.redemption_id, s.kind, s.business_date, s.at,
       r.campaign_id, r.acquirer_id, r.payee_id, p.funder_id, f.position AS funder_position,
       CASE WHEN s.kind = 'CONFIRM' THEN p.fen ELSE -p.fen END AS fen,
       s.detail ->> 'booked_to' AS booked_to,
       EXISTS (SELECT 1 FROM redemption_frozenfact z
                WHERE z.redemption_id = s.redemption_id AND z.state = 'RECOVERED'
                  AND z.mode = 'MONEY') AS written_off
  FROM redemption_redemptionstep s
  JOIN redemption_redemption r ON r.id = s.redemption_id AND r.confirmed_at IS NOT NULL
 CROSS JOIN LATERAL unnest(s.funder_ids, s.parts) AS p(funder_id, fen)
  JOIN campaigns_funding f ON f.campaign_id = r.campaign_id AND f.funder_id = p.funder_id
                          AND f.mode <> 'MERCHANT_CONCESSION'
 WHERE s.kind IN ('CONFIRM', 'CANCEL', 'REFUND') AND p.fen > 0;

-- Facts of one campaign and acquirer that may be assigned to the batch of p_date, found back over
-- p_days days, or further where a case held the payee meanwhile. POSITIVE: confirmed and neither
-- frozen nor written off; what was taken off payable since goes with it. NEGATIVE: cancelled or
-- refunded after its confirm had been assigned. A payee whose next payout is held has none.
CREATE OR REPLACE FUNCTION settlement_candidates(
    p_campaign uuid, p_acquirer uuid, p_date date, p_days integer
) RETURNS TABLE (fact_id uuid, redemption_id uuid, payee_id uuid, side text)
LANGUAGE sql STABLE AS $$
    WITH facts AS (
        SELECT s.id, s.redemption_id, s.kind, s.detail ->> 'booked_to' AS booked_to, r.payee_id
          FROM redemption_redemptionstep s
          JOIN redemption_redemption r ON r.id = s.redemption_id
         WHERE s.kind IN ('CONFIRM', 'CANCEL', 'REFUND')
           AND s.business_date <= p_date AND s.business_date > p_date - p_days
           AND r.campaign_id = p_campaign AND r.acquirer_id = p_acquirer
        -- By payee, so that one old case does not make every build read every fact since.
        UNION
        SELECT s.id, s.redemption_id, s.kind, s.detail ->> 'booked_to', r.payee_id
          FROM (SELECT z.payee_id, min(z.frozen_at::date) - p_days AS since
                  FROM redemption_frozenfact z
                 WHERE z.campaign_id = p_campaign AND z.closed_at IS NOT NULL
                 GROUP BY z.payee_id) freed
          JOIN redemption_redemption r ON r.payee_id = freed.payee_id
           AND r.confirmed_at IS NOT NULL
           AND r.campaign_id = p_campaign AND r.acquirer_id = p_acquirer
          JOIN redemption_redemptionstep s ON s.redemption_id = r.id
         WHERE s.kind IN ('CONFIRM', 'CANCEL', 'REFUND')
           AND s.business_date <= p_date AND s.business_date > freed.since
    )
    SELECT f.id, f.redemption_id, f.payee_id,
           CASE WHEN f.kind = 'CONFIRM' THEN 'POSITIVE' ELSE 'NEGATIVE' END
      FROM facts f
     WHERE (f.kind = 'CONFIRM' OR f.booked_to = 'MERCHANT_RECEIVABLE')
       AND NOT EXISTS (SELECT 1 FROM redemption_settlementitem i WHERE i.fact_id = f.id)
       AND NOT EXISTS (SELECT 1 FROM redemption_frozenfact z
                        WHERE z.redemption_id = f.redemption_id
                          AND (z.state = 'RECOVERED' AND z.mode = 'MONEY'
                               OR z.state = 'ACTIVE' AND z.fact_id = f.id))
       AND NOT EXISTS (SELECT 1 FROM redemption_frozenfact z
                        WHERE z.payee_id = f.payee_id AND z.campaign_id = p_campaign
                          AND z.state = 'ACTIVE' AND z.mode = 'NEXT_PAYOUT')
       AND EXISTS (SELECT 1 FROM settlement_fact_part p WHERE p.fact_id = f.id)
$$;

-- What a payee owes beyond refunds that still wait for a line: carried over, or recovered by a
-- case. Per funder, from the ledger.
CREATE OR REPLACE FUNCTION settlement_carried(p_campaign uuid, p_payees uuid[])
RETURNS TABLE (payee_id uuid, funder_id uuid, fen bigint)
LANGUAGE sql STABLE AS $$
    SELECT a.unit_id, a.funder_id, a.balance_fen + coalesce(waiting.fen, 0)
      FROM core_account a
      LEFT JOIN (SELECT p.payee_id, p.funder_id, sum(p.fen)::bigint AS fen
                   FROM settlement_fact_part p
                  WHERE p.campaign_id = p_campaign AND p.payee_id = ANY (p_payees)
                    AND p.booked_to = 'MERCHANT_RECEIVABLE' AND NOT p.written_off
                    AND NOT EXISTS (SELECT 1 FROM redemption_settlementitem i
                                     WHERE i.fact_id = p.fact_id)
                  GROUP BY p.payee_id, p.funder_id) waiting
        ON waiting.payee_id = a.unit_id AND waiting.funder_id = a.funder_id
     WHERE a.campaign_id = p_campaign AND a.kind = 'MERCHANT_RECEIVABLE'
       AND a.unit_id = ANY (p_payees) AND a.balance_fen > 0
$$;
