-- Decide and write one group of claims of one batch and business date (architecture.md, A hot
-- service has three steps). p_commands, in order of arrival:
-- [{"ord", "claim_id", "client_id", "key", "fingerprint", "enrolment_id", "at", "valid_from",
--   "valid_until", "batch_version_id", "vouchers": [{"id", "code"}…],
--   "limits": [{"limit_id", "window_start", "key_id", "cap", "kind", "window", "document"}…],
--   "refusals": [{"code", "data"}…]}]
-- No two commands of a group share an idempotency key or a limit key. Outcome: ACCEPTED, REPLAY
-- (claim_id is the first claim) or REFUSED with all failing conditions. Raises 40001 where
-- another group won a race for a key this group had not seen, or a random voucher code exists
-- already: the caller decides the group again, with new ids and codes.
CREATE OR REPLACE FUNCTION vouchers_claim(
    p_batch uuid, p_entry uuid, p_date date, p_commands jsonb
) RETURNS TABLE (ord integer, outcome text, claim_id uuid, refusals jsonb)
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    v_batch vouchers_batch;
    v_campaign record;
    v_seen jsonb;
    v_used jsonb;
    v_command record;
    v_reasons jsonb;
    v_units integer;
    v_slices bigint[];
    v_channels uuid[];
    v_free bigint[];
    v_slots timestamptz[];
    v_closes timestamptz[];
    v_pick integer;
    v_issued bigint;
    v_accepted jsonb := '[]';
    v_results jsonb := '[]';
    v_expected bigint;
    v_written bigint;
    v_next timestamptz;
BEGIN
    -- The counter row first and alone: every later statement sees what the last holder committed.
    SELECT * INTO STRICT v_batch FROM vouchers_batch b WHERE b.id = p_batch FOR NO KEY UPDATE;
    SELECT c.state, c.starts_at, c.ends_at INTO STRICT v_campaign
      FROM campaigns_campaign c WHERE c.id = v_batch.campaign_id;
    v_issued := v_batch.issued;

    PERFORM 1 FROM vouchers_quotaslice s JOIN vouchers_quotarelease r ON r.id = s.release_id
      WHERE r.batch_id = p_batch AND r.state = 'OPEN' ORDER BY s.id FOR NO KEY UPDATE OF s;
    SELECT array_agg(s.id), array_agg(s.channel_id), array_agg(s.planned - s.issued),
           array_agg(r.slot), array_agg(r.closes_at)
      INTO v_slices, v_channels, v_free, v_slots, v_closes
      FROM (SELECT s.* FROM vouchers_quotaslice s
              JOIN vouchers_quotarelease r ON r.id = s.release_id
             WHERE r.batch_id = p_batch AND r.state = 'OPEN'
             ORDER BY (s.channel_id IS NULL), r.slot, s.id) s
      JOIN vouchers_quotarelease r ON r.id = s.release_id;

    SELECT coalesce(jsonb_object_agg(c.ord, jsonb_build_object(
               'id', k.id, 'same', k.fingerprint = c.fingerprint)), '{}')
      INTO v_seen
      FROM jsonb_to_recordset(p_commands)
           AS c(ord integer, client_id uuid, key text, fingerprint text)
      JOIN vouchers_claim k ON k.client_id = c.client_id AND k.idempotency_key = c.key;

    PERFORM 1 FROM vouchers_limituse u
      JOIN (SELECT l.limit_id, l.window_start, l.key_id
              FROM jsonb_to_recordset(p_commands) AS c(limits jsonb),
                   jsonb_to_recordset(c.limits)
                       AS l(limit_id bigint, window_start timestamptz, key_id bigint)) l
        USING (limit_id, window_start, key_id)
      ORDER BY u.limit_id, u.window_start, u.key_id FOR UPDATE OF u;
    SELECT coalesce(jsonb_object_agg(x.ord, x.reasons), '{}') INTO v_used
      FROM (SELECT c.ord, jsonb_agg(jsonb_build_object(
                       'code', CASE WHEN l.document THEN 'claim.person_limit'
                                    ELSE 'claim.same_person_other_account' END,
                       'data', jsonb_build_object('limit_id', l.limit_id, 'window', l.window,
                           'used', coalesce(u.used, 0), 'cap', l.cap, 'kind', l.kind,
                           'key_id', l.key_id))
                       ORDER BY l.limit_id, l.document DESC, l.kind) AS reasons
              FROM jsonb_to_recordset(p_commands)
                       AS c(ord integer, limits jsonb, vouchers jsonb),
                   jsonb_to_recordset(c.limits)
                       AS l(limit_id bigint, window_start timestamptz, key_id bigint,
                            cap integer, kind text, "window" text, document boolean)
              LEFT JOIN vouchers_limituse u USING (limit_id, window_start, key_id)
             WHERE coalesce(u.used, 0) + jsonb_array_length(c.vouchers) > l.cap
             GROUP BY c.ord) x;

    FOR v_command IN
        SELECT c.* FROM jsonb_to_recordset(p_commands)
            AS c(ord integer, claim_id uuid, client_id uuid, at timestamptz, vouchers jsonb,
                 refusals jsonb)
         ORDER BY c.ord
    LOOP
        IF v_seen ? v_command.ord::text THEN
            IF (v_seen -> v_command.ord::text ->> 'same')::boolean THEN
                v_results := v_results || jsonb_build_object('ord', v_command.ord, 'outcome',
                    'REPLAY', 'claim_id', v_seen -> v_command.ord::text -> 'id');
            ELSE
                v_results := v_results || jsonb_build_object('ord', v_command.ord, 'outcome',
                    'REFUSED', 'refusals', '[{"code": "idempotency.key_reused", "data": {}}]'::jsonb);
            END IF;
            CONTINUE;
        END IF;
        v_reasons := coalesce(v_command.refusals, '[]');
        IF v_campaign.state NOT IN ('LIVE', 'PAUSED') OR v_command.at >= v_campaign.ends_at THEN
            v_reasons := v_reasons || '[{"code": "claim.ended", "data": {}}]'::jsonb;
        ELSIF v_campaign.state = 'PAUSED' OR NOT v_batch.claims_on THEN
            v_reasons := v_reasons || '[{"code": "claim.paused", "data": {}}]'::jsonb;
        END IF;
        v_reasons := v_reasons || coalesce(v_used -> v_command.ord::text, '[]');
        v_units := jsonb_array_length(v_command.vouchers);
        SELECT min(i) INTO v_pick FROM generate_subscripts(v_slices, 1) AS i
         WHERE (v_channels[i] IS NULL OR v_channels[i] = v_command.client_id)
           AND v_slots[i] <= v_command.at
           AND (v_closes[i] IS NULL OR v_command.at < v_closes[i])
           AND v_free[i] >= v_units;
        IF v_pick IS NULL THEN
            -- A wave whose slot has come but which no tick has opened yet is the next one too.
            SELECT min(r.slot) INTO v_next FROM vouchers_quotarelease r
             WHERE r.batch_id = p_batch
               AND (r.state = 'PLANNED' OR r.state = 'OPEN' AND r.slot > v_command.at);
            IF v_next <= v_command.at
               OR v_batch.released = 0 AND v_next IS NOT NULL
               OR NOT EXISTS (SELECT 1 FROM vouchers_quotarelease r
                               WHERE r.batch_id = p_batch AND r.slot <= v_command.at) THEN
                v_reasons := v_reasons || jsonb_build_object('code', 'claim.not_started',
                    'data', jsonb_build_object('opens_at', v_next));
            ELSE
                v_reasons := v_reasons || jsonb_build_object('code', 'claim.sold_out',
                    'data', jsonb_build_object('next_release_at', v_next));
            END IF;
        END IF;
        IF jsonb_array_length(v_reasons) > 0 THEN
            v_results := v_results || jsonb_build_object('ord', v_command.ord, 'outcome',
                'REFUSED', 'refusals', v_reasons);
            CONTINUE;
        END IF;
        v_free[v_pick] := v_free[v_pick] - v_units;
        v_accepted := v_accepted || jsonb_build_object('ord', v_command.ord,
            'slice_id', v_slices[v_pick], 'units', v_units, 'first', v_issued + 1);
        v_issued := v_issued + v_units;
        v_results := v_results || jsonb_build_object('ord', v_command.ord, 'outcome', 'ACCEPTED',
            'claim_id', v_command.claim_id);
    END LOOP;

    IF v_issued > v_batch.issued THEN
        WITH accepted AS (
            SELECT a.units, l.* FROM jsonb_to_recordset(v_accepted) AS a(ord integer, units integer)
              JOIN jsonb_to_recordset(p_commands) AS c(ord integer, limits jsonb) USING (ord),
              jsonb_to_recordset(c.limits) AS l(limit_id bigint, window_start timestamptz,
                                                key_id bigint, cap integer)
        ), written AS (
            INSERT INTO vouchers_limituse AS u (limit_id, window_start, key_id, used, cap)
            SELECT limit_id, window_start, key_id, units, cap FROM accepted
             ORDER BY limit_id, window_start, key_id
            ON CONFLICT (limit_id, window_start, key_id) DO UPDATE
               SET used = u.used + excluded.used, cap = excluded.cap
             WHERE u.used + excluded.used <= excluded.cap
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM accepted), (SELECT count(*) FROM written)
          INTO v_expected, v_written;
        IF v_written <> v_expected THEN
            RAISE EXCEPTION 'a limit was used up by another group' USING ERRCODE = '40001';
        END IF;

        INSERT INTO vouchers_claim (id, client_id, idempotency_key, fingerprint, enrolment_id,
            batch_id, slice_id, units, at, business_date, entry_id, owner_region)
        SELECT c.claim_id, c.client_id, c.key, c.fingerprint, c.enrolment_id, p_batch, a.slice_id,
               a.units, c.at, p_date, p_entry, v_batch.owner_region
          FROM jsonb_to_recordset(v_accepted) AS a(ord integer, slice_id bigint, units integer)
          JOIN jsonb_to_recordset(p_commands) AS c(ord integer, claim_id uuid, client_id uuid,
               key text, fingerprint text, enrolment_id uuid, at timestamptz) USING (ord)
         ORDER BY c.client_id, c.key
        ON CONFLICT (client_id, idempotency_key) DO NOTHING;
        GET DIAGNOSTICS v_written = ROW_COUNT;
        IF v_written <> jsonb_array_length(v_accepted) THEN
            RAISE EXCEPTION 'an idempotency key was used by another group' USING ERRCODE = '40001';
        END IF;

        INSERT INTO vouchers_voucher (id, claim_id, campaign_id, batch_id, batch_version_id,
            enrolment_id, client_id, number, code, face_fen, parts, issued_at, valid_from,
            valid_until, state, owner_region)
        SELECT v.id, c.claim_id, v_batch.campaign_id, p_batch, c.batch_version_id, c.enrolment_id,
               c.client_id, a.first + v.position - 1, v.code, v_batch.face_fen,
               funder_parts(v_batch.face_fen, v_batch.weights, a.first + v.position - 1),
               c.at, c.valid_from, c.valid_until, 'ACTIVE', v_batch.owner_region
          FROM jsonb_to_recordset(v_accepted) AS a(ord integer, first bigint)
          JOIN jsonb_to_recordset(p_commands) AS c(ord integer, claim_id uuid, client_id uuid,
               enrolment_id uuid, at timestamptz, valid_from timestamptz, valid_until timestamptz,
               batch_version_id bigint, vouchers jsonb) USING (ord)
         CROSS JOIN LATERAL ROWS FROM (jsonb_to_recordset(c.vouchers) AS (id uuid, code text))
               WITH ORDINALITY AS v(id, code, position)
        ON CONFLICT (code) DO NOTHING;
        GET DIAGNOSTICS v_written = ROW_COUNT;
        IF v_written <> v_issued - v_batch.issued THEN
            RAISE EXCEPTION 'a voucher code was drawn twice' USING ERRCODE = '40001';
        END IF;

        UPDATE vouchers_quotaslice s SET issued = s.issued + taken.units
          FROM (SELECT a.slice_id, sum(a.units) AS units
                  FROM jsonb_to_recordset(v_accepted) AS a(slice_id bigint, units integer)
                 GROUP BY a.slice_id) taken
         WHERE s.id = taken.slice_id;
        UPDATE vouchers_batch b SET issued = v_issued WHERE b.id = p_batch;

        PERFORM ledger_post(p_entry, 'CLAIM', v_batch.campaign_id, 'claim:' || p_entry, p_date,
            (SELECT max(c.at) FROM jsonb_to_recordset(p_commands) AS c(at timestamptz)),
            (SELECT jsonb_agg(jsonb_build_object('d', 'RESERVED', 'du', p_batch,
                        'c', 'OUTSTANDING', 'cu', p_batch, 'f', f.funder_id,
                        'a', after.fen - before.fen))
               FROM unnest(v_batch.funder_ids) WITH ORDINALITY AS f(funder_id, position)
               JOIN unnest(funder_sums(v_batch.face_fen, v_batch.weights, v_issued))
                    WITH ORDINALITY AS after(fen, position) USING (position)
               JOIN unnest(funder_sums(v_batch.face_fen, v_batch.weights, v_batch.issued))
                    WITH ORDINALITY AS before(fen, position) USING (position)));
    END IF;

    RETURN QUERY
    SELECT x.ord, x.outcome, x.claim_id, coalesce(x.refusals, '[]')
      FROM jsonb_to_recordset(v_results)
           AS x(ord integer, outcome text, claim_id uuid, refusals jsonb)
     ORDER BY x.ord;
END
$$;
