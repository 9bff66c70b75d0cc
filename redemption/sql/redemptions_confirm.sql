-- Confirm holds: one group of one campaign and business date, in order of arrival. p_commands:
-- [{"ord", "redemption_id", "step_id", "client_id", "key", "fingerprint", "at", "trade_no",
-- "limits": [{"limit_id", "window_start", "key_id", "cap"}…] (Redemption.limit_uses), "detail",
-- "refusals": [{"code", "data"}…]}]. A confirm after the hold's life is honoured while the
-- vouchers are free (they were valid at the hold) and its order has no other payment; else it is
-- refused and left in the exceptions list. No two commands of a group share an order. Locks: orders
-- of late ones → limit rows → vouchers → redemptions → accounts. Raises 40001 as redemptions_hold.
CREATE OR REPLACE FUNCTION redemptions_confirm(
    p_campaign uuid, p_entry uuid, p_date date, p_commands jsonb
) RETURNS TABLE (ord integer, outcome text, redemption_id uuid, refusals jsonb)
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    v_command record;
    v_replay record;
    v_reasons jsonb;
    v_results jsonb := '[]';
    v_accepted integer[] := '{}';
    v_late integer[] := '{}';
    v_refused_late uuid[] := '{}';
    v_expected bigint;
    v_written bigint;
BEGIN
    -- A live hold keeps others off its order; one past its life competes for it like a new hold.
    PERFORM redemption_orders_lock(ARRAY(
        SELECT redemption_order_number(r.client_id, r.store_id, r.order_no)
          FROM jsonb_to_recordset(p_commands) AS c(redemption_id uuid, at timestamptz)
          JOIN redemption_redemption r ON r.id = c.redemption_id
         WHERE c.at >= r.hold_expires_at));
    PERFORM 1 FROM vouchers_limituse u
      JOIN (SELECT l.limit_id, l.window_start, l.key_id
              FROM jsonb_to_recordset(p_commands) AS c(limits jsonb),
                   jsonb_to_recordset(c.limits)
                       AS l(limit_id bigint, window_start timestamptz, key_id bigint)) l
        USING (limit_id, window_start, key_id)
      ORDER BY u.limit_id, u.window_start, u.key_id FOR UPDATE OF u;
    PERFORM 1 FROM vouchers_voucher v
      WHERE v.id IN (SELECT n.voucher_id FROM redemption_redemptionline n
                      JOIN jsonb_to_recordset(p_commands) AS c(redemption_id uuid)
                        ON c.redemption_id = n.redemption_id)
      ORDER BY v.id FOR NO KEY UPDATE;
    PERFORM 1 FROM redemption_redemption r
      WHERE r.id IN (SELECT c.redemption_id
                       FROM jsonb_to_recordset(p_commands) AS c(redemption_id uuid))
      ORDER BY r.id FOR NO KEY UPDATE;

    FOR v_command IN
        SELECT c.*, r.state,
               CASE WHEN r.state IN ('HELD', 'TIMED_OUT') AND c.at >= r.hold_expires_at
                    THEN redemption_order_taken(r.client_id, r.store_id, r.order_no, c.at, r.id)
                    ELSE false END AS ordered,
               (SELECT bool_and(v.state = 'ACTIVE') FROM redemption_redemptionline n
                  JOIN vouchers_voucher v ON v.id = n.voucher_id
                 WHERE n.redemption_id = r.id) AS free,
               EXISTS (SELECT 1 FROM jsonb_to_recordset(c.limits)
                           AS l(limit_id bigint, window_start timestamptz, key_id bigint,
                                cap integer)
                         JOIN vouchers_limituse u USING (limit_id, window_start, key_id)
                        WHERE u.used + 1 > l.cap) AS limited
          FROM jsonb_to_recordset(p_commands)
               AS c(ord integer, redemption_id uuid, client_id uuid, key text, fingerprint text,
                    at timestamptz, limits jsonb, refusals jsonb)
          JOIN redemption_redemption r ON r.id = c.redemption_id
         ORDER BY c.ord
    LOOP
        SELECT s.redemption_id, s.fingerprint INTO v_replay FROM redemption_redemptionstep s
         WHERE s.client_id = v_command.client_id AND s.kind = 'CONFIRM'
           AND s.idempotency_key = v_command.key;
        IF FOUND THEN
            IF v_replay.fingerprint = v_command.fingerprint THEN
                v_results := v_results || jsonb_build_object('ord', v_command.ord, 'outcome',
                    'REPLAY', 'redemption_id', v_replay.redemption_id);
            ELSE
                v_results := v_results || jsonb_build_object('ord', v_command.ord, 'outcome',
                    'REFUSED', 'refusals', '[{"code": "idempotency.key_reused", "data": {}}]'::jsonb);
            END IF;
            CONTINUE;
        END IF;
        v_reasons := coalesce(v_command.refusals, '[]');
        IF v_command.ordered
           OR v_command.state = 'TIMED_OUT' AND (NOT v_command.free OR v_command.limited) THEN
            v_reasons := v_reasons || '[{"code": "redemption.hold_expired", "data": {}}]'::jsonb;
            v_refused_late := v_refused_late || v_command.redemption_id;
        ELSIF v_command.state NOT IN ('HELD', 'TIMED_OUT') THEN
            v_reasons := v_reasons || jsonb_build_object('code', 'redemption.state_conflict',
                'data', jsonb_build_object('state', v_command.state));
        END IF;
        IF jsonb_array_length(v_reasons) > 0 THEN
            v_results := v_results || jsonb_build_object('ord', v_command.ord, 'outcome',
                'REFUSED', 'refusals', v_reasons);
        ELSE
            v_results := v_results || jsonb_build_object('ord', v_command.ord, 'outcome',
                'ACCEPTED', 'redemption_id', v_command.redemption_id);
            v_accepted := v_accepted || v_command.ord;
            IF v_command.state = 'TIMED_OUT' THEN
                v_late := v_late || v_command.ord;
            END IF;
        END IF;
    END LOOP;

    INSERT INTO redemption_exceptionitem (id, kind, subject_id, owner_region, amount_fen, data,
                                          state, resolution, opened_at)
    SELECT gen_random_uuid(), 'LATE_CONFIRM', r.id::text, r.owner_region, r.subsidy_fen,
           jsonb_build_object('order_no', r.order_no, 'trade_no', c.trade_no, 'at', c.at),
           'OPEN', '', c.at
      FROM jsonb_to_recordset(p_commands)
           AS c(redemption_id uuid, trade_no text, at timestamptz)
      JOIN redemption_redemption r ON r.id = c.redemption_id
     WHERE r.id = ANY (v_refused_late)
    ON CONFLICT (kind, subject_id) DO NOTHING;

    IF cardinality(v_accepted) > 0 THEN
        INSERT INTO redemption_redemptionstep (id, redemption_id, seq, kind, client_id,
            idempotency_key, fingerprint, order_fen, payer_fen, subsidy_fen, funder_ids, parts,
            reference, voucher_fate, entry_id, business_date, at, detail)
        SELECT c.step_id, r.id, r.last_step + 1, 'CONFIRM', c.client_id, c.key, c.fingerprint,
               r.order_fen, r.payable_fen, r.subsidy_fen, h.funder_ids, h.parts, c.trade_no, '',
               p_entry, p_date, c.at, coalesce(c.detail, '{}')
          FROM jsonb_to_recordset(p_commands) AS c(ord integer, redemption_id uuid, step_id uuid,
               client_id uuid, key text, fingerprint text, at timestamptz, trade_no text,
               detail jsonb)
          JOIN redemption_redemption r ON r.id = c.redemption_id
          JOIN redemption_redemptionstep h ON h.redemption_id = r.id AND h.kind = 'HOLD'
         WHERE c.ord = ANY (v_accepted)
         ORDER BY c.client_id, c.key
        ON CONFLICT (client_id, kind, idempotency_key) DO NOTHING;
        GET DIAGNOSTICS v_written = ROW_COUNT;
        IF v_written <> cardinality(v_accepted) THEN
            RAISE EXCEPTION 'an idempotency key was used by another group' USING ERRCODE = '40001';
        END IF;

        IF cardinality(v_late) > 0 THEN
            -- The time-out gave limit and voucher back; take both again before they are used.
            WITH accepted AS (
                SELECT l.* FROM jsonb_to_recordset(p_commands) AS c(ord integer, limits jsonb),
                       jsonb_to_recordset(c.limits)
                           AS l(limit_id bigint, window_start timestamptz, key_id bigint,
                                cap integer)
                 WHERE c.ord = ANY (v_late)
            ), written AS (
                INSERT INTO vouchers_limituse AS u (limit_id, window_start, key_id, used, cap)
                SELECT limit_id, window_start, key_id, 1, cap FROM accepted
                 ORDER BY limit_id, window_start, key_id
                ON CONFLICT (limit_id, window_start, key_id) DO UPDATE
                   SET used = u.used + 1, cap = excluded.cap WHERE u.used + 1 <= excluded.cap
                RETURNING 1
            )
            SELECT (SELECT count(*) FROM accepted), (SELECT count(*) FROM written)
              INTO v_expected, v_written;
            IF v_written <> v_expected THEN
                RAISE EXCEPTION 'a limit was used up by another group' USING ERRCODE = '40001';
            END IF;
            UPDATE vouchers_voucher v SET state = 'HELD'
              FROM redemption_redemptionline n
              JOIN jsonb_to_recordset(p_commands) AS c(ord integer, redemption_id uuid)
                ON c.redemption_id = n.redemption_id
             WHERE c.ord = ANY (v_late) AND v.id = n.voucher_id;
            UPDATE redemption_redemptionline n SET live = true
              FROM jsonb_to_recordset(p_commands) AS c(ord integer, redemption_id uuid)
             WHERE c.ord = ANY (v_late) AND n.redemption_id = c.redemption_id;
        END IF;
        UPDATE redemption_redemption r
           SET state = 'CONFIRMED', confirmed_at = c.at, business_date = p_date,
               channel_trade_no = c.trade_no, last_step = r.last_step + 1
          FROM jsonb_to_recordset(p_commands)
               AS c(ord integer, redemption_id uuid, at timestamptz, trade_no text)
         WHERE c.ord = ANY (v_accepted) AND r.id = c.redemption_id;
        UPDATE vouchers_voucher v SET state = 'REDEEMED'
          FROM redemption_redemptionline n
          JOIN jsonb_to_recordset(p_commands) AS c(ord integer, redemption_id uuid)
            ON c.redemption_id = n.redemption_id
         WHERE c.ord = ANY (v_accepted) AND v.id = n.voucher_id;

        -- Late ones pass through held in the same entry; then the used part becomes payable (or
        -- uses up the concession) and the rest of the face stays earmarked for the voucher.
        PERFORM ledger_post(p_entry, 'CONFIRM', p_campaign, 'confirm:' || p_entry, p_date,
            (SELECT max(c.at) FROM jsonb_to_recordset(p_commands) AS c(at timestamptz)),
            (SELECT jsonb_agg(line.posting)
               FROM jsonb_to_recordset(p_commands) AS c(ord integer, redemption_id uuid)
               JOIN redemption_redemption r ON r.id = c.redemption_id
               JOIN redemption_redemptionline n ON n.redemption_id = r.id
               JOIN vouchers_voucher v ON v.id = n.voucher_id
               JOIN vouchers_batch b ON b.id = v.batch_id
              CROSS JOIN LATERAL ROWS FROM (unnest(b.funder_ids), unnest(b.concessions),
                    unnest(v.parts), unnest(n.parts)) AS part(funder_id, concession, face, used)
              CROSS JOIN LATERAL (VALUES
                    (jsonb_build_object('d', 'OUTSTANDING', 'du', b.id, 'c', 'HELD', 'cu', b.id,
                        'f', part.funder_id,
                        'a', CASE WHEN c.ord = ANY (v_late) THEN part.face ELSE 0 END)),
                    (jsonb_build_object('d', 'HELD', 'du', b.id,
                        'c', CASE WHEN part.concession THEN 'CONCESSION' ELSE 'PAYABLE' END,
                        'cu', CASE WHEN part.concession THEN NULL ELSE r.payee_id END,
                        'f', part.funder_id, 'a', part.used)),
                    (jsonb_build_object('d', 'HELD', 'du', b.id, 'c', 'EARMARKED', 'cu', b.id,
                        'f', part.funder_id, 'a', part.face - part.used))) AS line(posting)
              WHERE c.ord = ANY (v_accepted)));
    END IF;

    RETURN QUERY
    SELECT x.ord, x.outcome, x.redemption_id, coalesce(x.refusals, '[]')
      FROM jsonb_to_recordset(v_results)
           AS x(ord integer, outcome text, redemption_id uuid, refusals jsonb)
     ORDER BY x.ord;
END
$$;
