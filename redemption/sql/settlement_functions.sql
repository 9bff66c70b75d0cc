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
  JOIN redemption_redemption r ON r.id = s.redemption_id
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
    SELECT s.id, s.redemption_id, r.payee_id,
           CASE WHEN s.kind = 'CONFIRM' THEN 'POSITIVE' ELSE 'NEGATIVE' END
      FROM redemption_redemptionstep s
      JOIN redemption_redemption r ON r.id = s.redemption_id
     WHERE s.kind IN ('CONFIRM', 'CANCEL', 'REFUND')
       AND s.business_date <= p_date
       AND r.campaign_id = p_campaign AND r.acquirer_id = p_acquirer
       AND (s.kind = 'CONFIRM' OR s.detail ->> 'booked_to' = 'MERCHANT_RECEIVABLE')
       AND (s.business_date > p_date - p_days
            OR EXISTS (SELECT 1 FROM redemption_frozenfact z
                        WHERE z.payee_id = r.payee_id AND z.campaign_id = r.campaign_id
                          AND z.closed_at IS NOT NULL
                          AND s.business_date > z.frozen_at::date - p_days))
       AND NOT EXISTS (SELECT 1 FROM redemption_settlementitem i WHERE i.fact_id = s.id)
       AND NOT EXISTS (SELECT 1 FROM redemption_frozenfact z
                        WHERE z.redemption_id = s.redemption_id
                          AND (z.state = 'RECOVERED' AND z.mode = 'MONEY'
                               OR z.state = 'ACTIVE' AND z.fact_id = s.id))
       AND NOT EXISTS (SELECT 1 FROM redemption_frozenfact z
                        WHERE z.payee_id = r.payee_id AND z.campaign_id = r.campaign_id
                          AND z.state = 'ACTIVE' AND z.mode = 'NEXT_PAYOUT')
       AND EXISTS (SELECT 1 FROM settlement_fact_part p WHERE p.fact_id = s.id)
$$;

-- What a payee owes beyond refunds that still wait for a line: carried over, or recovered by a
-- case. Per funder, from the ledger.
CREATE OR REPLACE FUNCTION settlement_carried(p_campaign uuid, p_payees uuid[])
RETURNS TABLE (payee_id uuid, funder_id uuid, fen bigint)
LANGUAGE sql STABLE AS $$
    SELECT a.unit_id, a.funder_id,
           a.balance_fen + coalesce((
               SELECT sum(p.fen)::bigint FROM settlement_fact_part p
                WHERE p.campaign_id = p_campaign AND p.payee_id = a.unit_id
                  AND p.funder_id = a.funder_id AND p.booked_to = 'MERCHANT_RECEIVABLE'
                  AND NOT p.written_off
                  AND NOT EXISTS (SELECT 1 FROM redemption_settlementitem i
                                   WHERE i.fact_id = p.fact_id)), 0)
      FROM core_account a
     WHERE a.campaign_id = p_campaign AND a.kind = 'MERCHANT_RECEIVABLE'
       AND a.unit_id = ANY (p_payees) AND a.balance_fen > 0
$$;
