-- Decide and write one group of claims of one batch and business date (architecture.md, A hot
-- service has three steps). A claim is a place, from 1 on, of these arrays, in order of arrival:
-- p_claims (new ids), p_clients, p_keys, p_fingerprints, p_people (accounts), p_ats, p_units;
-- p_devices is the key of the request's own device, null where no claim of the group has one.
-- All devices that count where the batch has a rule: a place of p_counted_claims (the place of the
-- claim) and p_counted_devices; null where there is none.
-- p_refusals [[{"code", "data"}…]…]: what the Python half says against each, null for nothing at all.
-- A voucher is a place of p_voucher_claims (the place of its claim), p_voucher_nth (which of that
-- claim's it is, in its batch), p_vouchers (new ids), p_codes, p_froms, p_untils, and, of a pack,
-- p_batches and p_versions; else both are null and p_version, the rules decided by, are theirs.
-- A limit row of a claim is a place of p_limit_claims (the place of the claim), p_limit_ids,
-- p_limit_starts, p_limit_keys, p_limit_kinds, p_limit_caps, p_limit_takes; p_limit_words says of each
-- limit {"window", "conflicts_with"}.
-- p_caps: [{"limit_id", "window_start", "window_end", "window", "units", "fen"}…], those that claims
-- of the group fall into, "units" and "fen" null where there is no cap.
-- A limit counts the units of the claim, or what it takes: a conflict between groups takes 0 of a
-- row of which nothing may be used.
-- With p_persons, a claim on a device is refused if that many other people have claimed on it in the
-- campaign within p_days days (vouchers_deviceuse); null where there is no such rule.
-- No two commands of a group share an idempotency key, a limit key or such a device. Outcome, by
-- place from 0: ACCEPTED (number is its first voucher's), REPLAY (claim_id is the first claim) or
-- REFUSED with all failing conditions. Raises 40001 where another group won a race for a key this group had not seen, or a
-- random voucher code exists already: the caller decides the group again, with new ids and codes.
-- A cap that all people share refuses by what is used of it, which only grows in its window.
-- Arrays, since reading one JSON text took a sixth of the whole. Plans are kept whatever the number
-- of claims: for a single one, planning anew took a fifth of the time.
DROP FUNCTION IF EXISTS vouchers_claim(uuid, uuid, date, jsonb);
DROP FUNCTION IF EXISTS vouchers_claim(uuid, uuid, date, jsonb, jsonb);
DROP FUNCTION IF EXISTS vouchers_claim(uuid, uuid, date, jsonb, integer, integer, jsonb);
DROP FUNCTION IF EXISTS vouchers_claim(uuid, uuid, date, bigint, jsonb, integer, integer, uuid[],
    uuid[], text[], text[], uuid[], timestamptz[], integer[], bigint[], jsonb, jsonb, integer[],
    integer[], uuid[], text[], timestamptz[], timestamptz[], uuid[], bigint[], integer[], bigint[],
    timestamptz[], bigint[], text[], integer[], integer[], jsonb);
CREATE OR REPLACE FUNCTION vouchers_claim(
    p_batch uuid, p_entry uuid, p_date date, p_version bigint, p_caps jsonb, p_persons integer,
    p_days integer, p_claims uuid[], p_clients uuid[], p_keys text[], p_fingerprints text[],
    p_people uuid[], p_ats timestamptz[], p_units integer[], p_devices bigint[],
    p_counted_claims integer[], p_counted_devices bigint[], p_refusals jsonb, p_voucher_claims integer[], p_voucher_nth integer[], p_vouchers uuid[],
    p_codes text[], p_froms timestamptz[], p_untils timestamptz[], p_batches uuid[],
    p_versions bigint[], p_limit_claims integer[], p_limit_ids bigint[],
    p_limit_starts timestamptz[], p_limit_keys bigint[], p_limit_kinds text[],
    p_limit_caps integer[], p_limit_takes integer[], p_limit_words jsonb
) RETURNS TABLE (ord integer, outcome text, claim_id uuid, refusals jsonb, number bigint)
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off SET join_collapse_limit = 1 SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    v_batch vouchers_batch;
    v_parts vouchers_batch[];
    v_per_unit bigint;
    v_campaign record;
    v_found record;
    v_reasons jsonb;
    -- By position of the claim.
    v_count constant integer := cardinality(p_claims);
    v_claims uuid[] := p_claims;
    v_refusals jsonb[];
    v_outcomes text[] := array_fill(NULL::text, ARRAY[v_count]);
    v_taken integer[] := array_fill(0, ARRAY[v_count]);
    v_taken_slices bigint[] := array_fill(NULL::bigint, ARRAY[v_count]);
    v_firsts bigint[] := array_fill(NULL::bigint, ARRAY[v_count]);
    v_limited boolean;
    -- By slice.
    v_slices bigint[];
    v_channels uuid[];
    v_free bigint[];
    v_slots timestamptz[];
    v_closes timestamptz[];
    v_falls timestamptz[];
    v_kept boolean;
    -- By cap and window: what is left of it.
    v_cap_ids bigint[];
    v_cap_starts timestamptz[];
    v_cap_ends timestamptz[];
    v_cap_windows text[];
    v_cap_most_units bigint[];
    v_cap_most_fen bigint[];
    v_cap_units bigint[];
    v_cap_fen bigint[];
    v_at timestamptz;
    v_pick integer;
    v_issued bigint;
    v_expected bigint;
    v_written bigint;
    v_fall timestamptz;
    v_broken text;
BEGIN
    -- The counter row first and alone: every later statement sees what the last holder committed.
    SELECT * INTO STRICT v_batch FROM vouchers_batch b WHERE b.id = p_batch FOR NO KEY UPDATE;
    SELECT c.state, c.starts_at, c.ends_at INTO STRICT v_campaign
      FROM campaigns_campaign c WHERE c.id = v_batch.campaign_id;
    v_issued := v_batch.issued;
    v_per_unit := 1;
    IF v_batch.kind = 'PACK' THEN
        PERFORM 1 FROM vouchers_batch b WHERE b.pack_id = p_batch ORDER BY b.id FOR NO KEY UPDATE;
        SELECT array_agg(b ORDER BY b.position, b.id), sum(b.pack_quantity)
          INTO v_parts, v_per_unit FROM vouchers_batch b WHERE b.pack_id = p_batch;
    END IF;

    PERFORM 1 FROM vouchers_quotaslice s JOIN vouchers_quotarelease r ON r.id = s.release_id
      WHERE r.batch_id = p_batch AND r.state = 'OPEN' ORDER BY s.id FOR NO KEY UPDATE OF s;
    SELECT array_agg(s.id), array_agg(s.channel_id), array_agg(s.planned - s.issued),
           array_agg(r.slot), array_agg(r.closes_at),
           array_agg(CASE WHEN r.fell_back_at IS NULL THEN r.fall_back_at END),
           bool_or(s.channel_id IS NOT NULL)
      INTO v_slices, v_channels, v_free, v_slots, v_closes, v_falls, v_kept
      FROM (SELECT s.* FROM vouchers_quotaslice s
              JOIN vouchers_quotarelease r ON r.id = s.release_id
             WHERE r.batch_id = p_batch AND r.state = 'OPEN'
             ORDER BY (s.channel_id IS NULL), r.slot, s.id) s
      JOIN vouchers_quotarelease r ON r.id = s.release_id;

    IF p_caps <> '[]' THEN
        -- Batches may share a cap: the rows are there before they are locked.
        INSERT INTO vouchers_capuse (limit_id, window_start, window_end, used_units, used_fen)
        SELECT x.limit_id, x.window_start, x.window_end, 0, 0
          FROM jsonb_to_recordset(p_caps)
               AS x(limit_id bigint, window_start timestamptz, window_end timestamptz)
         ORDER BY x.limit_id, x.window_start
        ON CONFLICT DO NOTHING;
        PERFORM 1 FROM vouchers_capuse u
          JOIN jsonb_to_recordset(p_caps) AS x(limit_id bigint, window_start timestamptz)
            USING (limit_id, window_start)
         ORDER BY u.limit_id, u.window_start FOR NO KEY UPDATE OF u;
        SELECT array_agg(x.limit_id), array_agg(x.window_start), array_agg(x.window_end),
               array_agg(x."window"), array_agg(x.units), array_agg(x.fen),
               array_agg(x.units - u.used_units), array_agg(x.fen - u.used_fen)
          INTO v_cap_ids, v_cap_starts, v_cap_ends, v_cap_windows, v_cap_most_units,
               v_cap_most_fen, v_cap_units, v_cap_fen
          FROM jsonb_to_recordset(p_caps)
               AS x(limit_id bigint, window_start timestamptz, window_end timestamptz,
                    "window" text, units bigint, fen bigint)
          JOIN vouchers_capuse u USING (limit_id, window_start);
    END IF;

    IF p_refusals IS NULL THEN
        v_refusals := array_fill('[]'::jsonb, ARRAY[v_count]);
    ELSE
        v_refusals := ARRAY(SELECT jsonb_array_elements(p_refusals));
    END IF;
    -- Decided by rules that another version has replaced since they were read: nothing is taken.
    IF v_batch.version_id <> p_version THEN
        RAISE EXCEPTION 'a version took the place of these rules'
            USING ERRCODE = '40001', CONSTRAINT = 'batch_version_in_force';
    END IF;

    FOR v_found IN
        SELECT c.place, k.id, k.fingerprint = c.fingerprint AS same
          FROM unnest(p_clients, p_keys, p_fingerprints) WITH ORDINALITY
               AS c(client_id, key, fingerprint, place)
         CROSS JOIN LATERAL (SELECT k.id, k.fingerprint FROM vouchers_claim k
                              WHERE k.client_id = c.client_id AND k.idempotency_key = c.key
                              LIMIT 1) k
    LOOP
        IF v_found.same THEN
            v_outcomes[v_found.place] := 'REPLAY';
            v_claims[v_found.place] := v_found.id;
        ELSE
            v_outcomes[v_found.place] := 'REFUSED';
            v_refusals[v_found.place] := '[{"code": "idempotency.key_reused", "data": {}}]';
        END IF;
    END LOOP;

    -- What the campaign says comes before what the person has had.
    FOR v_place IN 1 .. v_count LOOP
        v_at := p_ats[v_place];
        IF v_outcomes[v_place] IS NOT NULL THEN
            CONTINUE;
        ELSIF v_campaign.state NOT IN ('LIVE', 'PAUSED') OR v_at >= v_campaign.ends_at THEN
            v_refusals[v_place] := v_refusals[v_place] || '[{"code": "claim.ended", "data": {}}]';
        ELSIF v_campaign.state = 'PAUSED' OR NOT v_batch.claims_on THEN
            v_refusals[v_place] := v_refusals[v_place] || '[{"code": "claim.paused", "data": {}}]';
        END IF;
    END LOOP;

    -- The control list, by all keys a person carries and the request's device. Nobody is told why.
    IF EXISTS (SELECT 1 FROM vouchers_controlentry e WHERE e.state = 'IN_FORCE') THEN
        FOR v_found IN
            SELECT * FROM vouchers_claims_controlled(
                v_batch.owner_region, p_people, p_devices, p_ats)
        LOOP
            IF v_outcomes[v_found.place] IS NULL THEN
                v_refusals[v_found.place] := v_refusals[v_found.place] || v_found.reasons;
            END IF;
        END LOOP;
    END IF;

    IF p_persons IS NOT NULL THEN
        FOR v_found IN
            SELECT * FROM vouchers_claims_crowded(
                v_batch.campaign_id, p_persons, p_days, p_counted_claims, p_counted_devices,
                p_people, p_ats)
        LOOP
            IF v_outcomes[v_found.place] IS NULL THEN
                v_refusals[v_found.place] := v_refusals[v_found.place] || v_found.reasons;
            END IF;
        END LOOP;
    END IF;

    -- Rows that are not there yet have nothing used: most groups need not look at each.
    v_limited := vouchers_limits_lock(p_limit_ids, p_limit_starts, p_limit_keys);
    v_limited := v_limited OR EXISTS (
        SELECT 1 FROM unnest(p_limit_takes, p_limit_caps) AS l(take, cap) WHERE l.take > l.cap);
    IF v_limited THEN
        FOR v_found IN
            SELECT * FROM vouchers_claims_above(p_limit_claims, p_limit_ids, p_limit_starts,
                p_limit_keys, p_limit_kinds, p_limit_caps, p_limit_takes, p_limit_words)
        LOOP
            IF v_outcomes[v_found.place] IS NULL THEN
                v_refusals[v_found.place] := v_refusals[v_found.place] || v_found.reasons;
            END IF;
        END LOOP;
    END IF;

    FOR v_place IN 1 .. v_count LOOP
        CONTINUE WHEN v_outcomes[v_place] IS NOT NULL;
        v_at := p_ats[v_place];
        v_pick := NULL;
        FOR v_slice IN 1 .. coalesce(cardinality(v_slices), 0) LOOP
            IF (v_channels[v_slice] IS NULL OR v_channels[v_slice] = p_clients[v_place])
               AND v_slots[v_slice] <= v_at
               AND (v_closes[v_slice] IS NULL OR v_at < v_closes[v_slice])
               AND v_free[v_slice] >= p_units[v_place] THEN
                v_pick := v_slice;
                EXIT;
            END IF;
        END LOOP;
        v_reasons := v_refusals[v_place];
        IF v_pick IS NULL THEN
            v_fall := NULL;
            IF v_kept THEN
                -- What another channel has not used by its hour comes to this one too.
                FOR v_slice IN 1 .. cardinality(v_slices) LOOP
                    IF v_channels[v_slice] IS NOT NULL AND v_free[v_slice] > 0
                       AND v_slots[v_slice] <= v_at
                       AND (v_closes[v_slice] IS NULL OR v_at < v_closes[v_slice]) THEN
                        v_fall := least(v_fall, v_falls[v_slice]);
                    END IF;
                END LOOP;
            END IF;
            v_reasons := v_reasons
                || vouchers_claim_nothing_open(p_batch, v_batch.released, v_at, v_fall);
        END IF;
        FOR v_cap IN 1 .. coalesce(cardinality(v_cap_ids), 0) LOOP
            IF v_at >= v_cap_starts[v_cap] AND v_at < v_cap_ends[v_cap]
               AND (v_cap_units[v_cap] < p_units[v_place]
                    OR v_cap_fen[v_cap] < p_units[v_place] * v_batch.face_fen) THEN
                v_reasons := v_reasons || jsonb_build_object('code', 'claim.daily_cap_reached',
                    'data', jsonb_build_object('window', v_cap_windows[v_cap],
                        'cap_units', v_cap_most_units[v_cap], 'cap_fen', v_cap_most_fen[v_cap],
                        'next_release_at', vouchers_open_from(p_batch, v_cap_ends[v_cap])));
            END IF;
        END LOOP;
        IF v_reasons <> '[]' THEN
            v_outcomes[v_place] := 'REFUSED';
            v_refusals[v_place] := v_reasons;
            CONTINUE;
        END IF;
        v_outcomes[v_place] := 'ACCEPTED';
        v_free[v_pick] := v_free[v_pick] - p_units[v_place];
        v_taken[v_place] := p_units[v_place];
        v_taken_slices[v_place] := v_slices[v_pick];
        v_firsts[v_place] := v_issued + 1;
        v_issued := v_issued + p_units[v_place];
        FOR v_cap IN 1 .. coalesce(cardinality(v_cap_ids), 0) LOOP
            IF v_at >= v_cap_starts[v_cap] AND v_at < v_cap_ends[v_cap] THEN
                v_cap_units[v_cap] := v_cap_units[v_cap] - p_units[v_place];
                v_cap_fen[v_cap] := v_cap_fen[v_cap] - p_units[v_place] * v_batch.face_fen;
            END IF;
        END LOOP;
    END LOOP;

    IF v_issued > v_batch.issued THEN
        WITH accepted AS (
            SELECT l.*
              FROM unnest(p_limit_claims, p_limit_ids, p_limit_starts, p_limit_keys, p_limit_caps,
                          p_limit_takes)
                   AS l(place, limit_id, window_start, key_id, cap, take)
             WHERE v_taken[l.place] > 0
        ), written AS (
            INSERT INTO vouchers_limituse AS u (limit_id, window_start, key_id, used, cap)
            SELECT limit_id, window_start, key_id, take, cap FROM accepted
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

        -- Plain inserts that fail as a whole: asking every row for a conflict first costs a third.
        BEGIN
            INSERT INTO vouchers_claim (id, client_id, idempotency_key, fingerprint, enrolment_id,
                batch_id, slice_id, units, at, business_date, entry_id, owner_region, device_id)
            SELECT p_claims[c.place], p_clients[c.place], p_keys[c.place], p_fingerprints[c.place],
                   p_people[c.place], p_batch, v_taken_slices[c.place], v_taken[c.place],
                   p_ats[c.place], p_date, p_entry, v_batch.owner_region, p_devices[c.place]
              FROM generate_series(1, v_count) AS c(place)
             WHERE v_taken[c.place] > 0
             ORDER BY p_clients[c.place], p_keys[c.place];

            INSERT INTO vouchers_voucher (id, claim_id, campaign_id, batch_id, batch_version_id,
                enrolment_id, client_id, number, code, face_fen, parts, issued_at, valid_from,
                valid_until, state, owner_region)
            SELECT v.id, p_claims[v.claim], v_batch.campaign_id, b.id,
                   coalesce(p_versions[v.place], p_version), p_people[v.claim], p_clients[v.claim],
                   v.number, v.code, b.face_fen, funder_parts(b.face_fen, b.weights, v.number),
                   p_ats[v.claim], v.valid_from, v.valid_until, 'ACTIVE', b.owner_region
              FROM unnest(coalesce(v_parts, ARRAY[v_batch])) b
             CROSS JOIN LATERAL (
                SELECT x.*, (v_firsts[x.claim] - 1) * b.pack_quantity + x.nth AS number
                  FROM unnest(p_voucher_claims, p_voucher_nth, p_vouchers, p_codes, p_froms,
                              p_untils) WITH ORDINALITY
                       AS x(claim, nth, id, code, valid_from, valid_until, place)
                 WHERE v_taken[x.claim] > 0
                   AND (p_batches IS NULL OR p_batches[x.place] = b.id)) v;
            GET DIAGNOSTICS v_written = ROW_COUNT;
        EXCEPTION WHEN unique_violation THEN
            GET STACKED DIAGNOSTICS v_broken = CONSTRAINT_NAME;
            IF v_broken IN ('claim_key_once', 'voucher_code') THEN
                RAISE EXCEPTION 'a key or code was used by another group: %', v_broken
                    USING ERRCODE = '40001';
            END IF;
            RAISE;
        END;
        IF v_written <> (v_issued - v_batch.issued) * v_per_unit THEN
            RAISE EXCEPTION 'vouchers written: %', v_written USING ERRCODE = 'check_violation';
        END IF;

        IF v_cap_ids IS NOT NULL THEN
            UPDATE vouchers_capuse u
               SET used_units = u.used_units + taken.units,
                   used_fen = u.used_fen + taken.units * v_batch.face_fen,
                   most_units = taken.most_units, most_fen = taken.most_fen
              FROM (SELECT k.limit_id, k.window_start, k.most_units, k.most_fen, sum(c.units) AS units
                      FROM unnest(v_cap_ids, v_cap_starts, v_cap_ends, v_cap_most_units,
                                  v_cap_most_fen)
                           AS k(limit_id, window_start, window_end, most_units, most_fen)
                      JOIN unnest(p_ats, v_taken) AS c(at, units)
                        ON c.at >= k.window_start AND c.at < k.window_end AND c.units > 0
                     GROUP BY 1, 2, 3, 4) taken
             WHERE u.limit_id = taken.limit_id AND u.window_start = taken.window_start;
        END IF;

        UPDATE vouchers_quotaslice s SET issued = s.issued + taken.units
          FROM (SELECT a.slice_id, sum(a.units) AS units
                  FROM unnest(v_taken_slices, v_taken) AS a(slice_id, units)
                 WHERE a.units > 0 GROUP BY a.slice_id) taken
         WHERE s.id = taken.slice_id;
        UPDATE vouchers_batch b SET issued = v_issued WHERE b.id = p_batch;
        IF v_parts IS NOT NULL THEN
            UPDATE vouchers_batch b SET issued = v_issued * b.pack_quantity
             WHERE b.pack_id = p_batch;
        END IF;

        PERFORM ledger_post(p_entry, 'CLAIM', v_batch.campaign_id, 'claim:' || p_entry, p_date,
            (SELECT max(t.at) FROM unnest(p_ats) AS t(at)),
            (SELECT jsonb_agg(jsonb_build_object('d', 'RESERVED', 'du', b.id,
                        'c', 'OUTSTANDING', 'cu', b.id, 'f', f.funder_id,
                        'a', after.fen - before.fen))
               FROM unnest(coalesce(v_parts, ARRAY[v_batch])) b
              CROSS JOIN LATERAL unnest(b.funder_ids) WITH ORDINALITY AS f(funder_id, place)
               JOIN LATERAL unnest(funder_sums(b.face_fen, b.weights, v_issued * b.pack_quantity))
                    WITH ORDINALITY AS after(fen, place) USING (place)
               JOIN LATERAL unnest(funder_sums(b.face_fen, b.weights,
                                               v_batch.issued * b.pack_quantity))
                    WITH ORDINALITY AS before(fen, place) USING (place)));
    END IF;

    RETURN QUERY
    SELECT x.place::integer - 1, x.outcome, CASE WHEN x.outcome = 'REPLAY' THEN x.claim_id END,
           CASE WHEN x.outcome = 'REFUSED' THEN x.refusals ELSE '[]' END, x.number
      FROM unnest(v_outcomes, v_claims, v_refusals, v_firsts) WITH ORDINALITY
           AS x(outcome, claim_id, refusals, number, place)
     ORDER BY x.place;
END
$$;
