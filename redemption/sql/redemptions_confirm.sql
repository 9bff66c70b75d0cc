-- Confirm holds: one group of one campaign and business date, in order of arrival. p_commands: a
-- list of redemption_confirm_command, ord counting from 0, with limits as Redemption.limit_uses and
-- refusals [{"code", "data"}…]. A confirm after the hold's life is honoured while the vouchers are
-- free (they were valid at the hold) and its order has no other payment; else it is refused and
-- left in the exceptions list. No two commands of a group share an order. Locks: orders of late
-- ones → limit rows → vouchers → redemptions → accounts. Raises 40001 as redemptions_hold. The
-- text is read once, into arrays by position, and what stands behind it is looked up for each of
-- them (see redemption_stale_holds); the hold is a redemption's first step. p_consumers: who hears
-- of it, as names.
DROP FUNCTION IF EXISTS redemptions_confirm(uuid, uuid, date, jsonb);
CREATE OR REPLACE FUNCTION redemptions_confirm(
    p_campaign uuid, p_entry uuid, p_date date, p_consumers jsonb, p_commands jsonb
) RETURNS TABLE (ord integer, outcome text, redemption_id uuid, refusals jsonb)
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off SET join_collapse_limit = 1
AS $$
#variable_conflict use_column
DECLARE
    v_found record;
    v_commands redemption_confirm_command[];
    v_limits redemption_limit[];
    v_reasons jsonb;
    v_written bigint;
    -- By position of the command.
    v_ids uuid[];
    v_results uuid[];
    v_refusals jsonb[];
    v_outcomes text[];
    v_accepted boolean[];
    v_late boolean[];
    v_refused_late boolean[];
BEGIN
    SELECT array_agg(c ORDER BY c.ord), array_agg(c.redemption_id ORDER BY c.ord),
           array_agg(c.redemption_id ORDER BY c.ord),
           array_agg(coalesce(c.refusals, '[]') ORDER BY c.ord), array_agg(NULL::text),
           array_agg(false), array_agg(false), array_agg(false)
      INTO v_commands, v_ids, v_results, v_refusals, v_outcomes, v_accepted, v_late,
           v_refused_late
      FROM jsonb_populate_recordset(NULL::redemption_confirm_command, p_commands) c;
    IF v_commands[cardinality(v_commands)].ord <> cardinality(v_commands) - 1 THEN
        RAISE EXCEPTION 'commands must be numbered from 0';
    END IF;
    SELECT array_agg(ROW(c.ord, l.limit_id, l.window_start, l.key_id, l.cap, NULL, NULL, NULL)
                     ::redemption_limit)
      INTO v_limits
      FROM unnest(v_commands) c
     CROSS JOIN LATERAL jsonb_to_recordset(c.limits)
           AS l(limit_id bigint, window_start timestamptz, key_id bigint, cap integer);

    -- A live hold keeps others off its order; one past its life competes for it like a new hold.
    PERFORM redemption_orders_lock(ARRAY(
        SELECT redemption_order_number(r.client_id, r.store_id, r.order_no)
          FROM unnest(v_commands) c
         CROSS JOIN LATERAL (SELECT x.client_id, x.store_id, x.order_no
                               FROM redemption_redemption x
                              WHERE x.id = c.redemption_id AND c.at >= x.hold_expires_at LIMIT 1) r));
    PERFORM vouchers_limits_lock(array_agg(l.limit_id), array_agg(l.window_start),
                                 array_agg(l.key_id)) FROM unnest(v_limits) l;
    PERFORM vouchers_lock(redemption_vouchers(v_ids));
    PERFORM redemptions_lock(v_ids);

    FOR v_found IN
        SELECT c.ord + 1 AS place, s.redemption_id AS id, s.fingerprint = c.fingerprint AS same
          FROM unnest(v_commands) c
         CROSS JOIN LATERAL (SELECT k.redemption_id, k.fingerprint
                               FROM redemption_redemptionstep k
                              WHERE k.client_id = c.client_id AND k.kind = 'CONFIRM'
                                AND k.idempotency_key = c.key LIMIT 1) s
    LOOP
        IF v_found.same THEN
            v_outcomes[v_found.place] := 'REPLAY';
            v_results[v_found.place] := v_found.id;
        ELSE
            v_outcomes[v_found.place] := 'REFUSED';
            v_refusals[v_found.place] := '[{"code": "idempotency.key_reused", "data": {}}]';
        END IF;
    END LOOP;

    FOR v_found IN
        SELECT c.ord + 1 AS place, r.state,
               CASE WHEN r.state IN ('HELD', 'TIMED_OUT') AND c.at >= r.hold_expires_at
                    THEN redemption_order_taken(r.client_id, r.store_id, r.order_no, c.at, r.id)
                    ELSE false END AS ordered,
               r.state = 'TIMED_OUT' AND (
                   EXISTS (SELECT 1 FROM redemption_redemptionline n
                             JOIN vouchers_voucher v ON v.id = n.voucher_id
                            WHERE n.redemption_id = r.id AND v.state <> 'ACTIVE')
                   OR EXISTS (SELECT 1 FROM unnest(v_limits) l
                               CROSS JOIN LATERAL (
                                    SELECT k.used FROM vouchers_limituse k
                                     WHERE k.limit_id = l.limit_id AND k.key_id = l.key_id
                                       AND k.window_start = l.window_start LIMIT 1) u
                               WHERE l.ord = c.ord AND u.used + 1 > l.cap)) AS overtaken
          FROM unnest(v_commands) c
         CROSS JOIN LATERAL (SELECT x.* FROM redemption_redemption x
                              WHERE x.id = c.redemption_id LIMIT 1) r
    LOOP
        CONTINUE WHEN v_outcomes[v_found.place] IS NOT NULL;
        v_reasons := v_refusals[v_found.place];
        IF v_found.ordered OR v_found.overtaken THEN
            v_reasons := v_reasons || '[{"code": "redemption.hold_expired", "data": {}}]'::jsonb;
            v_refused_late[v_found.place] := true;
        ELSIF v_found.state NOT IN ('HELD', 'TIMED_OUT') THEN
            v_reasons := v_reasons || jsonb_build_object('code', 'redemption.state_conflict',
                'data', jsonb_build_object('state', v_found.state));
        END IF;
        v_accepted[v_found.place] := v_reasons = '[]';
        v_late[v_found.place] := v_reasons = '[]' AND v_found.state = 'TIMED_OUT';
        v_outcomes[v_found.place] := CASE WHEN v_reasons = '[]' THEN 'ACCEPTED'
                                          ELSE 'REFUSED' END;
        v_refusals[v_found.place] := v_reasons;
    END LOOP;

    IF true = ANY (v_refused_late) THEN
        INSERT INTO redemption_exceptionitem (id, kind, subject_id, owner_region, amount_fen, data,
                                              state, resolution, opened_at)
        SELECT gen_random_uuid(), 'LATE_CONFIRM', r.id::text, r.owner_region, r.subsidy_fen,
               jsonb_build_object('order_no', r.order_no, 'trade_no', c.trade_no, 'at', c.at),
               'OPEN', '', c.at
          FROM unnest(v_commands) c
          JOIN redemption_redemption r ON r.id = c.redemption_id
         WHERE v_refused_late[c.ord + 1]
        ON CONFLICT (kind, subject_id) DO NOTHING;
    END IF;

    IF true = ANY (v_accepted) THEN
        INSERT INTO redemption_redemptionstep (id, redemption_id, seq, kind, client_id,
            idempotency_key, fingerprint, order_fen, payer_fen, subsidy_fen, funder_ids, parts,
            reference, voucher_fate, entry_id, business_date, at, detail)
        SELECT c.step_id, r.id, r.last_step + 1, 'CONFIRM', c.client_id, c.key, c.fingerprint,
               r.order_fen, r.payable_fen, r.subsidy_fen, h.funder_ids, h.parts, c.trade_no, '',
               p_entry, p_date, c.at, coalesce(c.detail, '{}')
          FROM unnest(v_commands) c
         CROSS JOIN LATERAL (SELECT x.id, x.last_step, x.order_fen, x.payable_fen, x.subsidy_fen
                               FROM redemption_redemption x
                              WHERE x.id = c.redemption_id LIMIT 1) r
         CROSS JOIN LATERAL (SELECT s.funder_ids, s.parts FROM redemption_redemptionstep s
                              WHERE s.redemption_id = r.id AND s.seq = 1 LIMIT 1) h
         WHERE v_accepted[c.ord + 1]
         ORDER BY c.client_id, c.key
        ON CONFLICT (client_id, kind, idempotency_key) DO NOTHING;
        GET DIAGNOSTICS v_written = ROW_COUNT;
        IF v_written <> (SELECT count(*) FROM unnest(v_accepted) AS a(taken) WHERE a.taken) THEN
            RAISE EXCEPTION 'an idempotency key was used by another group' USING ERRCODE = '40001';
        END IF;

        IF true = ANY (v_late) THEN
            -- The time-out gave limit and voucher back; take both again before they are used.
            WITH accepted AS (
                SELECT l.* FROM unnest(v_limits) l WHERE v_late[l.ord + 1]
            ), written AS (
                INSERT INTO vouchers_limituse AS u (limit_id, window_start, key_id, used, cap)
                SELECT limit_id, window_start, key_id, 1, cap FROM accepted
                 ORDER BY limit_id, window_start, key_id
                ON CONFLICT (limit_id, window_start, key_id) DO UPDATE
                   SET used = u.used + 1, cap = excluded.cap WHERE u.used + 1 <= excluded.cap
                RETURNING 1
            )
            SELECT (SELECT count(*) FROM accepted) - (SELECT count(*) FROM written)
              INTO v_written;
            IF v_written <> 0 THEN
                RAISE EXCEPTION 'a limit was used up by another group' USING ERRCODE = '40001';
            END IF;
            UPDATE vouchers_voucher v SET state = 'HELD'
              FROM unnest(redemption_vouchers(ARRAY(
                       SELECT c.redemption_id FROM unnest(v_commands) c WHERE v_late[c.ord + 1])))
                   AS taken(id)
             WHERE v.id = taken.id;
            UPDATE redemption_redemptionline n SET live = true
              FROM unnest(v_commands) c
             WHERE v_late[c.ord + 1] AND n.redemption_id = c.redemption_id;
        END IF;
        UPDATE redemption_redemption r
           SET state = 'CONFIRMED', confirmed_at = c.at, business_date = p_date,
               channel_trade_no = c.trade_no, last_step = r.last_step + 1
          FROM unnest(v_commands) c
         WHERE v_accepted[c.ord + 1] AND r.id = c.redemption_id;
        UPDATE vouchers_voucher v SET state = 'REDEEMED'
          FROM unnest(redemption_vouchers(ARRAY(
                   SELECT c.redemption_id FROM unnest(v_commands) c WHERE v_accepted[c.ord + 1])))
               AS used(id)
         WHERE v.id = used.id;

        -- What is not used of a face stays earmarked for the voucher until its own end.
        INSERT INTO redemption_earmark (line_id, redemption_id, batch_id, valid_until, parts)
        SELECT n.id, n.redemption_id, n.batch_id, v.valid_until,
               ARRAY(SELECT whole.fen - used.fen
                       FROM unnest(v.parts) WITH ORDINALITY AS whole(fen, place)
                       JOIN unnest(n.parts) WITH ORDINALITY AS used(fen, place) USING (place)
                      ORDER BY place)
          FROM unnest(v_commands) c
         CROSS JOIN LATERAL (SELECT x.* FROM redemption_redemptionline x
                              WHERE x.redemption_id = c.redemption_id OFFSET 0) n
         CROSS JOIN LATERAL (SELECT x.valid_until, x.parts FROM vouchers_voucher x
                              WHERE x.id = n.voucher_id AND x.face_fen > n.used_fen LIMIT 1) v
         WHERE v_accepted[c.ord + 1];

        -- Late ones pass through held in the same entry; then the used part becomes payable (or
        -- uses up the concession) and the rest of the face stays earmarked for the voucher.
        -- Nothing is left out but nothing: ledger_post refuses parts beyond those of the voucher.
        PERFORM ledger_post(p_entry, 'CONFIRM', p_campaign, 'confirm:' || p_entry, p_date,
            (SELECT max(c.at) FROM unnest(v_commands) c),
            (SELECT jsonb_agg(line.posting)
               FROM (SELECT b.id AS batch_id, r.payee_id, part.funder_id, part.concession,
                            sum(part.used) AS used, sum(part.face - part.used) AS unused,
                            sum(CASE WHEN v_late[c.ord + 1] THEN part.face ELSE 0 END) AS late
                       FROM unnest(v_commands) c
                      CROSS JOIN LATERAL (SELECT x.payee_id FROM redemption_redemption x
                                           WHERE x.id = c.redemption_id LIMIT 1) r
                      CROSS JOIN LATERAL (SELECT x.voucher_id, x.parts
                                            FROM redemption_redemptionline x
                                           WHERE x.redemption_id = c.redemption_id OFFSET 0) n
                      CROSS JOIN LATERAL (SELECT x.parts, x.batch_id FROM vouchers_voucher x
                                           WHERE x.id = n.voucher_id LIMIT 1) v
                      CROSS JOIN LATERAL (SELECT x.id, x.funder_ids, x.concessions
                                            FROM vouchers_batch x
                                           WHERE x.id = v.batch_id LIMIT 1) b
                      CROSS JOIN LATERAL ROWS FROM (unnest(b.funder_ids), unnest(b.concessions),
                            unnest(v.parts), unnest(n.parts))
                            AS part(funder_id, concession, face, used)
                      WHERE v_accepted[c.ord + 1]
                      GROUP BY b.id, r.payee_id, part.funder_id, part.concession) x
              CROSS JOIN LATERAL (VALUES
                    (CASE WHEN x.late <> 0 THEN
                        jsonb_build_object('d', 'OUTSTANDING', 'du', x.batch_id, 'c', 'HELD',
                            'cu', x.batch_id, 'f', x.funder_id, 'a', x.late) END),
                    (CASE WHEN x.used <> 0 THEN
                        jsonb_build_object('d', 'HELD', 'du', x.batch_id,
                            'c', CASE WHEN x.concession THEN 'CONCESSION' ELSE 'PAYABLE' END,
                            'cu', CASE WHEN x.concession THEN NULL ELSE x.payee_id END,
                            'f', x.funder_id, 'a', x.used) END),
                    (CASE WHEN x.unused <> 0 THEN
                        jsonb_build_object('d', 'HELD', 'du', x.batch_id, 'c', 'EARMARKED',
                            'cu', x.batch_id, 'f', x.funder_id, 'a', x.unused) END))
                    AS line(posting)
             WHERE line.posting IS NOT NULL));
        -- What return vouchers are given for, one event per group; elsewhere nobody listens.
        IF EXISTS (SELECT 1 FROM vouchers_batch b
                    WHERE b.campaign_id = p_campaign AND b.kind = 'RETURN') THEN
            PERFORM outbox_publish(p_entry, 'redemption.confirmed', 'campaign', p_campaign::text,
                (SELECT max(c.at) FROM unnest(v_commands) c),
                (SELECT jsonb_build_object('redemptions', jsonb_agg(c.redemption_id))
                   FROM unnest(v_commands) c WHERE v_accepted[c.ord + 1]),
                p_consumers);
        END IF;
    END IF;

    RETURN QUERY
    SELECT c.ord, v_outcomes[c.ord + 1],
           CASE WHEN v_outcomes[c.ord + 1] <> 'REFUSED' THEN v_results[c.ord + 1] END,
           CASE WHEN v_outcomes[c.ord + 1] = 'REFUSED' THEN v_refusals[c.ord + 1] ELSE '[]' END
      FROM unnest(v_commands) c
     ORDER BY c.ord;
END
$$;
