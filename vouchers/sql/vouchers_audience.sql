-- Which of the people asked for are members of an audience, by their place: one row per identity key
-- of a person, with the audience's code and when the claim was received. The list that counts is the
-- newest in force by then. Asked only for batches that have an audience.
DROP FUNCTION IF EXISTS vouchers_audience_members(integer[], text[], timestamptz[], bigint[]);
CREATE FUNCTION vouchers_audience_members(
    p_places integer[], p_codes text[], p_ats timestamptz[], p_keys bigint[])
RETURNS TABLE (place integer)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT asked.place
      FROM unnest(p_places, p_codes, p_ats, p_keys) AS asked(place, code, at, key_id)
      JOIN vouchers_audience a ON a.code = asked.code
     CROSS JOIN LATERAL (SELECT s.id FROM vouchers_audiencesnapshot s
                          WHERE s.audience_id = a.id AND s.state = 'APPROVED'
                            AND s.in_force_at <= asked.at
                          ORDER BY s.in_force_at DESC LIMIT 1) list
     CROSS JOIN LATERAL (SELECT 1 FROM vouchers_audiencemember m
                          WHERE m.snapshot_id = list.id AND m.key_id = asked.key_id) member;
END
$$;
