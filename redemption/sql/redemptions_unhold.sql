-- Give holds back: RELEASE by the caller, TIME_OUT of holds past their life (by the sweep, or by
-- the call that needs the voucher). p_commands: [{"ord", "redemption_id", "step_id", "client_id",
-- "key", "fingerprint", "at", "refusals"}…]; all of one campaign and business date.
-- Outcome ACCEPTED, REPLAY (of a RELEASE with the same key, or a hold already ended the same way)
-- or REFUSED. Locks: limit rows → vouchers → redemptions → accounts. The limits a hold used are
-- given back. redemptions_unhold_unposted leaves the entry to the caller, who posts it by
-- redemptions_unhold_post once he has every lock of his own: accounts come last.
CREATE OR REPLACE FUNCTION redemptions_unhold_unposted(
    p_campaign uuid, p_entry uuid, p_date date, p_kind text, p_commands jsonb
) RETURNS TABLE (ord integer, outcome text, redemption_id uuid, refusals jsonb)
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off SET join_collapse_limit = 1
AS $$
#variable_conflict use_column
DECLARE
    v_state constant text := CASE p_kind WHEN 'RELEASE' THEN 'RELEASED' ELSE 'TIMED_OUT' END;
    v_command record;
    v_reasons jsonb;
    v_replay record;
    v_results jsonb := '[]';
    v_accepted jsonb := '[]';
    v_written bigint;
    v_ids constant uuid[] := ARRAY(
        SELECT c.redemption_id FROM jsonb_to_recordset(p_commands) AS c(redemption_id uuid));
    -- Of those accepted.
    v_ended uuid[] := '{}';
BEGIN
    -- Limit rows come before vouchers in the lock order; a hold that ended meanwhile costs nothing.
    PERFORM vouchers_limits_lock(array_agg(l.limit_id), array_agg(l.window_start),
                                 array_agg(l.key_id))
      FROM unnest(v_ids) AS asked(id)
     CROSS JOIN LATERAL (SELECT x.limit_uses FROM redemption_redemption x
                          WHERE x.id = asked.id LIMIT 1) r
     CROSS JOIN LATERAL jsonb_to_recordset(r.limit_uses)
           AS l(limit_id bigint, window_start timestamptz, key_id bigint);
    PERFORM vouchers_lock(redemption_vouchers(v_ids));
    PERFORM redemptions_lock(v_ids);

    FOR v_command IN
        SELECT c.*, r.state, r.hold_expires_at
          FROM jsonb_to_recordset(p_commands)
               AS c(ord integer, redemption_id uuid, step_id uuid, client_id uuid, key text,
                    fingerprint text, at timestamptz, refusals jsonb)
         CROSS JOIN LATERAL (SELECT x.state, x.hold_expires_at FROM redemption_redemption x
                              WHERE x.id = c.redemption_id LIMIT 1) r
         ORDER BY c.ord
    LOOP
        SELECT s.redemption_id, s.fingerprint INTO v_replay FROM redemption_redemptionstep s
         WHERE s.client_id = v_command.client_id AND s.kind = p_kind
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
        IF v_command.state <> 'HELD'
           OR p_kind = 'TIME_OUT' AND v_command.hold_expires_at > v_command.at THEN
            v_reasons := v_reasons || jsonb_build_object('code', 'redemption.state_conflict',
                'data', jsonb_build_object('state', v_command.state));
        END IF;
        IF jsonb_array_length(v_reasons) > 0 THEN
            v_results := v_results || jsonb_build_object('ord', v_command.ord, 'outcome',
                'REFUSED', 'refusals', v_reasons);
        ELSE
            v_results := v_results || jsonb_build_object('ord', v_command.ord, 'outcome',
                'ACCEPTED', 'redemption_id', v_command.redemption_id);
            v_accepted := v_accepted || jsonb_build_object('redemption_id',
                v_command.redemption_id, 'step_id', v_command.step_id, 'client_id',
                v_command.client_id, 'key', v_command.key, 'fingerprint', v_command.fingerprint,
                'at', v_command.at);
            v_ended := v_ended || v_command.redemption_id;
        END IF;
    END LOOP;

    IF jsonb_array_length(v_accepted) > 0 THEN
        INSERT INTO redemption_redemptionstep (id, redemption_id, seq, kind, client_id,
            idempotency_key, fingerprint, order_fen, payer_fen, subsidy_fen, funder_ids, parts,
            reference, voucher_fate, entry_id, business_date, at, detail)
        SELECT a.step_id, r.id, r.last_step + 1, p_kind, a.client_id, a.key,
               coalesce(a.fingerprint, ''), r.order_fen, r.payable_fen, r.subsidy_fen,
               h.funder_ids, h.parts, '', '', p_entry, p_date, a.at, '{}'
          FROM jsonb_to_recordset(v_accepted) AS a(redemption_id uuid, step_id uuid,
               client_id uuid, key text, fingerprint text, at timestamptz)
         CROSS JOIN LATERAL (SELECT x.* FROM redemption_redemption x
                              WHERE x.id = a.redemption_id LIMIT 1) r
         CROSS JOIN LATERAL (SELECT s.funder_ids, s.parts FROM redemption_redemptionstep s
                              WHERE s.redemption_id = r.id AND s.seq = 1 LIMIT 1) h
         ORDER BY a.client_id, a.key, r.id
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS v_written = ROW_COUNT;
        IF v_written <> jsonb_array_length(v_accepted) THEN
            RAISE EXCEPTION 'an idempotency key was used by another group' USING ERRCODE = '40001';
        END IF;
        UPDATE vouchers_limituse u SET used = u.used - given.units
          FROM (SELECT l.limit_id, l.window_start, l.key_id, count(*) AS units
                  FROM unnest(v_ended) AS ended(id)
                 CROSS JOIN LATERAL (SELECT x.limit_uses FROM redemption_redemption x
                                      WHERE x.id = ended.id LIMIT 1) r
                 CROSS JOIN LATERAL jsonb_to_recordset(r.limit_uses)
                       AS l(limit_id bigint, window_start timestamptz, key_id bigint)
                 GROUP BY 1, 2, 3) given
         WHERE (u.limit_id, u.window_start, u.key_id)
             = (given.limit_id, given.window_start, given.key_id);
        UPDATE redemption_redemption r SET state = v_state, last_step = r.last_step + 1
          FROM unnest(v_ended) AS ended(id) WHERE r.id = ended.id;
        UPDATE redemption_redemptionline n SET live = false
          FROM unnest(v_ended) AS ended(id) WHERE n.redemption_id = ended.id;
        UPDATE vouchers_voucher v SET state = 'ACTIVE'
          FROM unnest(redemption_vouchers(v_ended)) AS freed(id) WHERE v.id = freed.id;
    END IF;

    RETURN QUERY
    SELECT x.ord, x.outcome, x.redemption_id, coalesce(x.refusals, '[]')
      FROM jsonb_to_recordset(v_results)
           AS x(ord integer, outcome text, redemption_id uuid, refusals jsonb)
     ORDER BY x.ord;
END
$$;

-- Write the entry of the RELEASE or TIME_OUT steps that name it: held → outstanding.
CREATE OR REPLACE FUNCTION redemptions_unhold_post(
    p_campaign uuid, p_entry uuid, p_date date, p_kind text
) RETURNS void LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off SET join_collapse_limit = 1
AS $$
BEGIN
    PERFORM ledger_post(p_entry,
        CASE p_kind WHEN 'RELEASE' THEN 'HOLD_RELEASE' ELSE 'HOLD_TIME_OUT' END,
        p_campaign, 'unhold:' || p_entry, p_date,
        (SELECT max(s.at) FROM redemption_redemptionstep s WHERE s.entry_id = p_entry),
        (SELECT jsonb_agg(jsonb_build_object('d', 'HELD', 'du', x.batch_id, 'c', 'OUTSTANDING',
                    'cu', x.batch_id, 'f', x.funder_id, 'a', x.fen))
           FROM (SELECT b.id AS batch_id, part.funder_id, sum(part.fen) AS fen
                   FROM (SELECT x.redemption_id FROM redemption_redemptionstep x
                          WHERE x.entry_id = p_entry OFFSET 0) s
                  CROSS JOIN LATERAL (SELECT x.voucher_id FROM redemption_redemptionline x
                                       WHERE x.redemption_id = s.redemption_id OFFSET 0) n
                  CROSS JOIN LATERAL (SELECT x.parts, x.batch_id FROM vouchers_voucher x
                                       WHERE x.id = n.voucher_id LIMIT 1) v
                  CROSS JOIN LATERAL (SELECT x.id, x.funder_ids FROM vouchers_batch x
                                       WHERE x.id = v.batch_id LIMIT 1) b
                  CROSS JOIN LATERAL ROWS FROM (unnest(b.funder_ids), unnest(v.parts))
                        AS part(funder_id, fen)
                  GROUP BY b.id, part.funder_id) x));
END
$$;

CREATE OR REPLACE FUNCTION redemptions_unhold(
    p_campaign uuid, p_entry uuid, p_date date, p_kind text, p_commands jsonb
) RETURNS TABLE (ord integer, outcome text, redemption_id uuid, refusals jsonb)
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off SET join_collapse_limit = 1
AS $$
BEGIN
    RETURN QUERY
    SELECT u.* FROM redemptions_unhold_unposted(p_campaign, p_entry, p_date, p_kind, p_commands) u;
    PERFORM redemptions_unhold_post(p_campaign, p_entry, p_date, p_kind);
END
$$;
