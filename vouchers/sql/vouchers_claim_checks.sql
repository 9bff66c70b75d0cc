-- What vouchers_claim asks only of some groups: a control list in force, a rule of devices, limits
-- of which something is used, waves without a unit left. Called by it alone, under its settings and
-- the locks it holds. Claims and limits are places of arrays, as there; a row names the place of a
-- claim, from 1 on, and [{"code", "data"}…], what is said against it.

-- The control list, by all keys a person carries and the request's device. Nobody is told why.
CREATE OR REPLACE FUNCTION vouchers_claims_controlled(
    p_region text, p_people uuid[], p_devices bigint[], p_ats timestamptz[]
) RETURNS TABLE (place bigint, reasons jsonb) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT DISTINCT c.place, '[{"code": "claim.risk_refused", "data": {}}]'::jsonb
      FROM unnest(p_people, p_devices, p_ats) WITH ORDINALITY
           AS c(enrolment_id, device_id, at, place)
     CROSS JOIN LATERAL (
        SELECT k.key_id FROM vouchers_enrolmentkey k
         WHERE k.enrolment_id = c.enrolment_id AND k.valid_until IS NULL
         UNION ALL SELECT c.device_id) carried
      JOIN vouchers_controlentry e ON e.key_id = carried.key_id AND e.state = 'IN_FORCE'
     WHERE e.valid_from <= c.at AND c.at < e.valid_until
       AND starts_with(p_region, access_region_prefix(e.owner_region));
END
$$;

-- Claims on a device on which p_persons other people have claimed in the campaign within p_days.
CREATE OR REPLACE FUNCTION vouchers_claims_crowded(
    p_campaign uuid, p_persons integer, p_days integer, p_claims integer[], p_devices bigint[],
    p_people uuid[], p_ats timestamptz[]
) RETURNS TABLE (place integer, reasons jsonb) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    -- Batches share devices: their groups wait here for each other, and then see the other's.
    PERFORM 1 FROM vouchers_identitykey k
      WHERE k.id = ANY (p_devices)
      ORDER BY k.id FOR NO KEY UPDATE;
    RETURN QUERY
    SELECT d.place, jsonb_build_array(jsonb_build_object('code', 'claim.device_limit',
               'data', jsonb_build_object('limit', p_persons, 'persons', max(seen.persons),
                                          'days', p_days)))
      FROM unnest(p_claims, p_devices) AS d(place, key_id)
     CROSS JOIN LATERAL (
        SELECT coalesce((SELECT p.key_id::text FROM vouchers_enrolmentkey p
                          WHERE p.enrolment_id = p_people[d.place] AND p.kind = 'DOCUMENT'
                            AND p.valid_until IS NULL), p_people[d.place]::text) AS person) own
     CROSS JOIN LATERAL (
        SELECT count(DISTINCT u.person) AS persons FROM vouchers_deviceuse u
         WHERE u.device_id = d.key_id AND u.campaign_id = p_campaign
           AND u.at > p_ats[d.place] - make_interval(hours => 24 * p_days)
           AND u.person <> own.person) seen
     GROUP BY d.place HAVING max(seen.persons) >= p_persons;
END
$$;

-- Claims that would go above a limit; a conflict between groups names the other group.
CREATE OR REPLACE FUNCTION vouchers_claims_above(
    p_claims integer[], p_limits bigint[], p_starts timestamptz[], p_keys bigint[],
    p_kinds text[], p_caps integer[], p_takes integer[], p_words jsonb
) RETURNS TABLE (place integer, reasons jsonb) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT l.place, jsonb_agg(jsonb_build_object(
               'code', CASE WHEN w.words ? 'conflicts_with' THEN 'claim.group_conflict'
                            WHEN l.kind = 'DOCUMENT' THEN 'claim.person_limit'
                            ELSE 'claim.same_person_other_account' END,
               'data', CASE WHEN w.words ? 'conflicts_with'
                            THEN jsonb_build_object('group', w.words -> 'conflicts_with')
                            ELSE jsonb_build_object('limit_id', l.limit_id,
                                'window', w.words -> 'window', 'used', coalesce(u.used, 0),
                                'cap', l.cap, 'kind', l.kind, 'key_id', l.key_id) END)
               ORDER BY l.limit_id, l.kind <> 'DOCUMENT', l.kind)
      FROM unnest(p_claims, p_limits, p_starts, p_keys, p_kinds, p_caps, p_takes)
               AS l(place, limit_id, window_start, key_id, kind, cap, take)
     CROSS JOIN LATERAL (SELECT p_words -> l.limit_id::text AS words) w
      LEFT JOIN vouchers_limituse u USING (limit_id, window_start, key_id)
     WHERE coalesce(u.used, 0) + l.take > l.cap
     GROUP BY l.place;
END
$$;

-- What is said where no open wave has a unit for the claim: {"code", "data"}. p_fall: from when on
-- what an open wave keeps for other channels is everybody's; null if nothing is.
CREATE OR REPLACE FUNCTION vouchers_claim_nothing_open(
    p_batch uuid, p_released bigint, p_at timestamptz, p_fall timestamptz
) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_next timestamptz;
BEGIN
    -- A wave whose slot has come but which no tick has opened yet is the next one too.
    SELECT min(r.slot) INTO v_next FROM vouchers_quotarelease r
     WHERE r.batch_id = p_batch
       AND (r.state = 'PLANNED' OR r.state = 'OPEN' AND r.slot > p_at);
    IF v_next <= p_at AND EXISTS (
           SELECT 1 FROM vouchers_quotarelease r
            WHERE r.batch_id = p_batch AND r.slot <= p_at AND r.state = 'PLANNED'
              AND r.waiting_since IS NOT NULL) THEN
        RETURN '{"code": "claim.budget_exhausted", "data": {}}';
    ELSIF v_next <= p_at
       OR p_released = 0 AND v_next IS NOT NULL
       OR NOT EXISTS (SELECT 1 FROM vouchers_quotarelease r
                       WHERE r.batch_id = p_batch AND r.slot <= p_at) THEN
        RETURN jsonb_build_object('code', 'claim.not_started',
            'data', jsonb_build_object('opens_at', v_next));
    END IF;
    RETURN jsonb_build_object('code', 'claim.sold_out',
        'data', jsonb_build_object('next_release_at', least(v_next, p_fall)));
END
$$;
