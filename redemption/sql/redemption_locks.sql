-- The vouchers of redemptions, in no order.
CREATE OR REPLACE FUNCTION redemption_vouchers(p_ids uuid[]) RETURNS uuid[]
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off SET join_collapse_limit = 1
AS $$
BEGIN
    RETURN ARRAY(SELECT n.voucher_id FROM unnest(p_ids) AS asked(id)
                  CROSS JOIN LATERAL (SELECT x.voucher_id FROM redemption_redemptionline x
                                       WHERE x.redemption_id = asked.id OFFSET 0) n);
END
$$;

-- Lock redemptions in the order of their ids, one look-up for each (see vouchers_locks.sql).
CREATE OR REPLACE FUNCTION redemptions_lock(p_ids uuid[]) RETURNS void LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off SET join_collapse_limit = 1
AS $$
BEGIN
    PERFORM 1
      FROM (SELECT DISTINCT l.id FROM unnest(p_ids) AS l(id) ORDER BY l.id) l
     CROSS JOIN LATERAL (SELECT 1 FROM redemption_redemption r
                          WHERE r.id = l.id FOR NO KEY UPDATE) locked;
END
$$;
