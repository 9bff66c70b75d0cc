-- Whether another payment with a voucher stands for an order: held at p_at, or confirmed and not
-- refunded as a whole. p_except is the payment that asks.
CREATE OR REPLACE FUNCTION redemption_order_taken(
    p_client uuid, p_store uuid, p_order text, p_at timestamptz, p_except uuid
) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM redemption_redemption o
                    WHERE o.client_id = p_client AND o.order_no = p_order AND o.store_id = p_store
                      AND o.id IS DISTINCT FROM p_except
                      AND (o.state = 'HELD' AND o.hold_expires_at > p_at
                           OR o.state = 'CONFIRMED' AND o.refunded_order_fen < o.order_fen))
$$;

-- Orders have no row to lock before their first hold; locked by number, in order.
CREATE OR REPLACE FUNCTION redemption_order_number(p_client uuid, p_store uuid, p_order text)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT hashtextextended(concat_ws('|', p_client, p_store, p_order), 33)
$$;

CREATE OR REPLACE FUNCTION redemption_orders_lock(p_numbers bigint[])
RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pg_advisory_xact_lock(o.number)
      FROM (SELECT DISTINCT number FROM unnest(p_numbers) AS n(number) ORDER BY number) o
$$;

-- Hold vouchers for payments: one group of one campaign and business date, in order of arrival
-- (architecture.md, A hot service has three steps). p_commands: [{"ord", "redemption_id",
-- "step_id", "client_id", "key", "fingerprint", "at", "hold_expires_at", "payment_code_id",
-- "enrolment_id", "voucher_client_id", "acquirer_id", "merchant_id", "store_id", "terminal_id",
-- "payee_id", "whitelist_id", "owner_region", "store_region", "order_no", "flow", "card_bin",
-- "order_fen", "other_discount_fen", "subsidy_fen", "payable_fen", "funder_ids", "parts",
-- "detail", "lines": [{"voucher_id", "batch_id", "used_fen", "parts"}…],
-- "limits": [{"limit_id", "window_start", "key_id", "cap", "kind", "window", "document"}…],
-- "refusals": [{"code", "data"}…]}]. No two commands of a group share a key, limit key, payment
-- code, order or voucher. One order of a store takes one voucher. A voucher whose hold has outlived
-- its time is timed out here first. Locks: orders → limit rows → payment codes → vouchers →
-- redemptions → accounts. Raises 40001 where another group won a race for a key: the caller
-- decides the group again.
CREATE OR REPLACE FUNCTION redemptions_hold(
    p_campaign uuid, p_entry uuid, p_time_out_entry uuid, p_date date, p_commands jsonb
) RETURNS TABLE (ord integer, outcome text, redemption_id uuid, refusals jsonb)
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    v_campaign record;
    v_seen jsonb;
    v_used jsonb;
    v_stale jsonb;
    v_vouchers jsonb;
    v_command record;
    v_reasons jsonb;
    v_results jsonb := '[]';
    v_accepted integer[] := '{}';
    v_expected bigint;
    v_written bigint;
BEGIN
    PERFORM redemption_orders_lock(ARRAY(
        SELECT redemption_order_number(c.client_id, c.store_id, c.order_no)
          FROM jsonb_to_recordset(p_commands) AS c(client_id uuid, store_id uuid, order_no text)));

    -- With the rows of limits that a time-out below would give back: limits come before vouchers.
    PERFORM 1 FROM vouchers_limituse u
      JOIN (SELECT l.limit_id, l.window_start, l.key_id
              FROM jsonb_to_recordset(p_commands) AS c(limits jsonb),
                   jsonb_to_recordset(c.limits)
                       AS l(limit_id bigint, window_start timestamptz, key_id bigint)
            UNION
            SELECT l.limit_id, l.window_start, l.key_id
              FROM jsonb_to_recordset(p_commands) AS c(at timestamptz, lines jsonb)
             CROSS JOIN LATERAL jsonb_to_recordset(c.lines) AS needed(voucher_id uuid)
              JOIN redemption_redemptionline n ON n.voucher_id = needed.voucher_id AND n.live
              JOIN redemption_redemption r ON r.id = n.redemption_id AND r.state = 'HELD'
               AND r.hold_expires_at <= c.at
             CROSS JOIN LATERAL jsonb_to_recordset(r.limit_uses)
                   AS l(limit_id bigint, window_start timestamptz, key_id bigint)) l
        USING (limit_id, window_start, key_id)
      ORDER BY u.limit_id, u.window_start, u.key_id FOR UPDATE OF u;
    PERFORM 1 FROM redemption_paymentcode p
      WHERE p.id IN (SELECT c.payment_code_id
                       FROM jsonb_to_recordset(p_commands) AS c(payment_code_id uuid))
      ORDER BY p.id FOR UPDATE;
    PERFORM 1 FROM vouchers_voucher v
      WHERE v.id IN (SELECT l.voucher_id
                       FROM jsonb_to_recordset(p_commands) AS c(lines jsonb),
                            jsonb_to_recordset(c.lines) AS l(voucher_id uuid))
      ORDER BY v.id FOR NO KEY UPDATE;

    -- Known keys after the locks: a twin of this request that held them has committed by now.
    SELECT coalesce(jsonb_object_agg(c.ord, jsonb_build_object(
               'id', s.redemption_id, 'same', s.fingerprint = c.fingerprint)), '{}')
      INTO v_seen
      FROM jsonb_to_recordset(p_commands)
           AS c(ord integer, client_id uuid, key text, fingerprint text)
      JOIN redemption_redemptionstep s ON s.client_id = c.client_id AND s.kind = 'HOLD'
       AND s.idempotency_key = c.key;

    -- A hold past its life is timed out, with its posting, by the call that needs the voucher.
    SELECT jsonb_agg(jsonb_build_object('ord', 0, 'redemption_id', r.id,
               'step_id', gen_random_uuid(), 'at', c.at, 'refusals', '[]'::jsonb))
      INTO v_stale
      FROM jsonb_to_recordset(p_commands) AS c(ord integer, at timestamptz, lines jsonb)
     CROSS JOIN LATERAL jsonb_to_recordset(c.lines) AS l(voucher_id uuid)
      JOIN redemption_redemptionline n ON n.voucher_id = l.voucher_id AND n.live
      JOIN redemption_redemption r ON r.id = n.redemption_id AND r.state = 'HELD'
       AND r.hold_expires_at <= c.at
     WHERE NOT v_seen ? c.ord::text;
    IF v_stale IS NOT NULL THEN
        PERFORM 1 FROM redemptions_unhold_unposted(
            p_campaign, p_time_out_entry, p_date, 'TIME_OUT', v_stale);
    END IF;

    SELECT coalesce(jsonb_object_agg(x.ord, x.reasons), '{}') INTO v_used
      FROM (SELECT c.ord, jsonb_agg(jsonb_build_object('code', 'redemption.person_limit',
                       'data', jsonb_build_object('limit_id', l.limit_id, 'window', l.window,
                           'used', u.used, 'cap', l.cap, 'kind', l.kind))
                       ORDER BY l.limit_id, l.document DESC, l.kind) AS reasons
              FROM jsonb_to_recordset(p_commands) AS c(ord integer, limits jsonb),
                   jsonb_to_recordset(c.limits)
                       AS l(limit_id bigint, window_start timestamptz, key_id bigint,
                            cap integer, kind text, "window" text, document boolean)
              JOIN vouchers_limituse u USING (limit_id, window_start, key_id)
             WHERE u.used + 1 > l.cap
             GROUP BY c.ord) x;
    SELECT coalesce(jsonb_object_agg(x.ord, x.reasons), '{}') INTO v_vouchers
      FROM (SELECT c.ord, jsonb_agg(jsonb_build_object(
                       'code', CASE
                           WHEN v.state = 'HELD' THEN 'voucher.held'
                           WHEN v.state = 'REDEEMED' THEN 'voucher.redeemed'
                           WHEN v.state = 'VOIDED' THEN 'voucher.voided'
                           WHEN v.state = 'EXPIRED' OR c.at >= v.valid_until THEN 'voucher.expired'
                           WHEN v.state = 'FROZEN' THEN 'voucher.frozen'
                           ELSE 'redemption.paused' END,
                       'data', CASE
                           WHEN v.state = 'HELD' THEN jsonb_build_object('until', r.hold_expires_at)
                           WHEN v.state = 'EXPIRED' OR c.at >= v.valid_until
                           THEN jsonb_build_object('valid_until', v.valid_until)
                           ELSE '{}' END) ORDER BY v.id) AS reasons
              FROM jsonb_to_recordset(p_commands) AS c(ord integer, at timestamptz, lines jsonb)
             CROSS JOIN LATERAL jsonb_to_recordset(c.lines) AS l(voucher_id uuid)
              JOIN vouchers_voucher v ON v.id = l.voucher_id
              JOIN vouchers_batch b ON b.id = v.batch_id
              LEFT JOIN redemption_redemptionline n ON n.voucher_id = v.id AND n.live
              LEFT JOIN redemption_redemption r ON r.id = n.redemption_id
             WHERE v.state <> 'ACTIVE' OR c.at >= v.valid_until OR NOT b.redemptions_on
             GROUP BY c.ord) x;
    SELECT c.redemptions_on, c.state INTO STRICT v_campaign
      FROM campaigns_campaign c WHERE c.id = p_campaign;

    FOR v_command IN
        SELECT c.*, p.used_at,
               redemption_order_taken(c.client_id, c.store_id, c.order_no, c.at, NULL) AS ordered
          FROM jsonb_to_recordset(p_commands)
               AS c(ord integer, redemption_id uuid, payment_code_id uuid, refusals jsonb,
                    client_id uuid, store_id uuid, order_no text, at timestamptz)
          LEFT JOIN redemption_paymentcode p ON p.id = c.payment_code_id
         ORDER BY c.ord
    LOOP
        IF v_seen ? v_command.ord::text THEN
            IF (v_seen -> v_command.ord::text ->> 'same')::boolean THEN
                v_results := v_results || jsonb_build_object('ord', v_command.ord, 'outcome',
                    'REPLAY', 'redemption_id', v_seen -> v_command.ord::text -> 'id');
            ELSE
                v_results := v_results || jsonb_build_object('ord', v_command.ord, 'outcome',
                    'REFUSED', 'refusals', '[{"code": "idempotency.key_reused", "data": {}}]'::jsonb);
            END IF;
            CONTINUE;
        END IF;
        v_reasons := '[]';
        IF v_command.used_at IS NOT NULL THEN
            v_reasons := v_reasons || '[{"code": "code.used", "data": {}}]'::jsonb;
        END IF;
        IF v_command.ordered THEN
            v_reasons := v_reasons || jsonb_build_object(
                'code', 'redemption.stacking_not_allowed', 'data', '{"limit": 1}'::jsonb);
        END IF;
        v_reasons := v_reasons || coalesce(v_command.refusals, '[]')
                  || coalesce(v_vouchers -> v_command.ord::text, '[]')
                  || coalesce(v_used -> v_command.ord::text, '[]');
        IF NOT v_campaign.redemptions_on OR v_campaign.state IN ('CLOSED', 'AUDITED', 'CLEARING')
        THEN
            v_reasons := v_reasons || '[{"code": "redemption.paused", "data": {}}]'::jsonb;
        END IF;
        IF jsonb_array_length(v_reasons) > 0 THEN
            v_results := v_results || jsonb_build_object('ord', v_command.ord, 'outcome',
                'REFUSED', 'refusals', v_reasons);
        ELSE
            v_results := v_results || jsonb_build_object('ord', v_command.ord, 'outcome',
                'ACCEPTED', 'redemption_id', v_command.redemption_id);
            v_accepted := v_accepted || v_command.ord;
        END IF;
    END LOOP;

    IF cardinality(v_accepted) > 0 THEN
        WITH accepted AS (
            SELECT l.* FROM jsonb_to_recordset(p_commands) AS c(ord integer, limits jsonb),
                   jsonb_to_recordset(c.limits)
                       AS l(limit_id bigint, window_start timestamptz, key_id bigint, cap integer)
             WHERE c.ord = ANY (v_accepted)
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

        INSERT INTO redemption_redemptionstep (id, redemption_id, seq, kind, client_id,
            idempotency_key, fingerprint, order_fen, payer_fen, subsidy_fen, funder_ids, parts,
            reference, voucher_fate, entry_id, business_date, at, detail)
        SELECT c.step_id, c.redemption_id, 1, 'HOLD', c.client_id, c.key, c.fingerprint,
               c.order_fen, c.payable_fen, c.subsidy_fen, c.funder_ids, c.parts, c.order_no, '',
               p_entry, p_date, c.at, coalesce(c.detail, '{}')
          FROM jsonb_to_recordset(p_commands) AS c(ord integer, step_id uuid, redemption_id uuid,
               client_id uuid, key text, fingerprint text, order_fen bigint, payable_fen bigint,
               subsidy_fen bigint, funder_ids uuid[], parts bigint[], order_no text,
               at timestamptz, detail jsonb)
         WHERE c.ord = ANY (v_accepted)
         ORDER BY c.client_id, c.key
        ON CONFLICT (client_id, kind, idempotency_key) DO NOTHING;
        GET DIAGNOSTICS v_written = ROW_COUNT;
        IF v_written <> cardinality(v_accepted) THEN
            RAISE EXCEPTION 'an idempotency key was used by another group' USING ERRCODE = '40001';
        END IF;

        INSERT INTO redemption_redemption (id, client_id, campaign_id, enrolment_id,
            voucher_client_id, acquirer_id, merchant_id, store_id, terminal_id, payee_id,
            whitelist_id, owner_region, store_region, order_no, flow, card_bin, order_fen,
            other_discount_fen, subsidy_fen, payable_fen, state, held_at, hold_expires_at,
            channel_trade_no, refunded_order_fen, refunded_payer_fen, refunded_subsidy_fen,
            refund_count, last_step, limit_uses)
        SELECT c.redemption_id, c.client_id, p_campaign, c.enrolment_id, c.voucher_client_id,
               c.acquirer_id, c.merchant_id, c.store_id, c.terminal_id, c.payee_id, c.whitelist_id,
               c.owner_region, c.store_region, c.order_no, c.flow, coalesce(c.card_bin, ''),
               c.order_fen, c.other_discount_fen, c.subsidy_fen, c.payable_fen, 'HELD', c.at,
               c.hold_expires_at, '', 0, 0, 0, 0, 1, coalesce(c.limits, '[]')
          FROM jsonb_to_recordset(p_commands) AS c(ord integer, redemption_id uuid,
               client_id uuid, enrolment_id uuid, voucher_client_id uuid, acquirer_id uuid,
               merchant_id uuid, store_id uuid, terminal_id uuid, payee_id uuid,
               whitelist_id uuid, owner_region text, store_region text, order_no text, flow text,
               card_bin text, order_fen bigint, other_discount_fen bigint, subsidy_fen bigint,
               payable_fen bigint, at timestamptz, hold_expires_at timestamptz, limits jsonb)
         WHERE c.ord = ANY (v_accepted);
        INSERT INTO redemption_redemptionline (redemption_id, voucher_id, batch_id, used_fen,
            parts, live)
        SELECT c.redemption_id, l.voucher_id, l.batch_id, l.used_fen, l.parts, true
          FROM jsonb_to_recordset(p_commands)
               AS c(ord integer, redemption_id uuid, lines jsonb)
         CROSS JOIN LATERAL jsonb_to_recordset(c.lines)
               AS l(voucher_id uuid, batch_id uuid, used_fen bigint, parts bigint[])
         WHERE c.ord = ANY (v_accepted);
        UPDATE vouchers_voucher v SET state = 'HELD'
          FROM jsonb_to_recordset(p_commands) AS c(ord integer, lines jsonb),
               jsonb_to_recordset(c.lines) AS l(voucher_id uuid)
         WHERE c.ord = ANY (v_accepted) AND v.id = l.voucher_id;
        UPDATE redemption_paymentcode p SET used_at = c.at, redemption_id = c.redemption_id
          FROM jsonb_to_recordset(p_commands) AS c(ord integer, payment_code_id uuid,
               redemption_id uuid, at timestamptz)
         WHERE c.ord = ANY (v_accepted) AND p.id = c.payment_code_id;
    END IF;

    -- The entries last: accounts are locked after everything else, and in one go.
    IF v_stale IS NOT NULL THEN
        PERFORM ledger_lock(p_campaign, ARRAY['OUTSTANDING', 'HELD'], ARRAY(
            SELECT DISTINCT l.batch_id
              FROM jsonb_to_recordset(p_commands) AS c(lines jsonb),
                   jsonb_to_recordset(c.lines) AS l(batch_id uuid)));
        PERFORM redemptions_unhold_post(p_campaign, p_time_out_entry, p_date, 'TIME_OUT');
    END IF;
    IF cardinality(v_accepted) > 0 THEN
        PERFORM ledger_post(p_entry, 'HOLD', p_campaign, 'hold:' || p_entry, p_date,
            (SELECT max(c.at) FROM jsonb_to_recordset(p_commands) AS c(at timestamptz)),
            (SELECT jsonb_agg(jsonb_build_object('d', 'OUTSTANDING', 'du', b.id, 'c', 'HELD',
                        'cu', b.id, 'f', part.funder_id, 'a', part.fen))
               FROM jsonb_to_recordset(p_commands) AS c(ord integer, lines jsonb)
              CROSS JOIN LATERAL jsonb_to_recordset(c.lines) AS l(voucher_id uuid)
               JOIN vouchers_voucher v ON v.id = l.voucher_id
               JOIN vouchers_batch b ON b.id = v.batch_id
              CROSS JOIN LATERAL ROWS FROM (unnest(b.funder_ids), unnest(v.parts))
                    AS part(funder_id, fen)
              WHERE c.ord = ANY (v_accepted)));
    END IF;

    RETURN QUERY
    SELECT x.ord, x.outcome, x.redemption_id, coalesce(x.refusals, '[]')
      FROM jsonb_to_recordset(v_results)
           AS x(ord integer, outcome text, redemption_id uuid, refusals jsonb)
     ORDER BY x.ord;
END
$$;
