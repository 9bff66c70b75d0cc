-- What rows of limits have used, by their keys side by side; rows that are not there have nothing.
-- One look-up for each: asked by lists of each part of the key, PostgreSQL before 17 reads every
-- row of a limit's window and throws away those of other people.
CREATE OR REPLACE FUNCTION vouchers_limits_used(
    p_limits bigint[], p_starts timestamptz[], p_keys bigint[]
) RETURNS TABLE (limit_id bigint, window_start timestamptz, key_id bigint, used integer)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off SET join_collapse_limit = 1
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT l.limit_id, l.window_start, l.key_id, u.used
      FROM unnest(p_limits, p_starts, p_keys) AS l(limit_id, window_start, key_id)
     CROSS JOIN LATERAL (SELECT k.used FROM vouchers_limituse k
                          WHERE k.limit_id = l.limit_id AND k.window_start = l.window_start
                            AND k.key_id = l.key_id LIMIT 1) u;
END
$$;
