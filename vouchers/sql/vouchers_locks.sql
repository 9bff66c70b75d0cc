-- Locks of groups, each in the order of its keys. One look-up for each: left to choose, the planner
-- reads the whole table in that order as soon as it takes the keys to be many, or the table small.

-- Rows of limits, by their keys side by side; true if any is there.
CREATE OR REPLACE FUNCTION vouchers_limits_lock(
    p_limits bigint[], p_starts timestamptz[], p_keys bigint[]
) RETURNS boolean LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off SET join_collapse_limit = 1 SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    PERFORM 1
      FROM (SELECT DISTINCT l.limit_id, l.window_start, l.key_id
              FROM unnest(p_limits, p_starts, p_keys) AS l(limit_id, window_start, key_id)
             ORDER BY l.limit_id, l.window_start, l.key_id) l
     CROSS JOIN LATERAL (
        SELECT 1 FROM vouchers_limituse u
         WHERE u.limit_id = l.limit_id AND u.window_start = l.window_start
           AND u.key_id = l.key_id FOR UPDATE) locked;
    RETURN FOUND;
END
$$;

-- Vouchers, against everybody but those who only point at them.
CREATE OR REPLACE FUNCTION vouchers_lock(p_ids uuid[]) RETURNS void LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off SET join_collapse_limit = 1 SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    PERFORM 1
      FROM (SELECT DISTINCT l.id FROM unnest(p_ids) AS l(id) ORDER BY l.id) l
     CROSS JOIN LATERAL (SELECT 1 FROM vouchers_voucher v
                          WHERE v.id = l.id FOR NO KEY UPDATE) locked;
END
$$;
