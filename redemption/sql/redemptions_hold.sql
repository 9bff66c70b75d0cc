-- Whether another payment with a voucher stands for an order: held at p_at, or confirmed and not
-- refunded as a whole. p_except is the payment that asks. In PL/pgSQL, which keeps its plan: every
-- hold asks. Found by the order's number: all that a store ever took is no way to it.
CREATE OR REPLACE FUNCTION redemption_order_taken(
    p_client uuid, p_store uuid, p_order text, p_at timestamptz, p_except uuid
) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT 1 FROM redemption_redemption o
                    WHERE o.client_id = p_client AND o.order_no = p_order
                      AND o.store_id IS NOT DISTINCT FROM p_store
                      AND o.id IS DISTINCT FROM p_except
                      AND (o.state = 'HELD' AND o.hold_expires_at > p_at
                           OR o.state = 'CONFIRMED' AND o.refunded_order_fen < o.order_fen));
END
$$;

-- Orders have no row to lock before their first hold; locked by number, in order.
CREATE OR REPLACE FUNCTION redemption_order_number(p_client uuid, p_store uuid, p_order text)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT hashtextextended(p_client::text || '|' || p_store::text || '|' || p_order, 33)
$$;

CREATE OR REPLACE FUNCTION redemption_orders_lock(p_numbers bigint[])
RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pg_advisory_xact_lock(o.number)
      FROM (SELECT DISTINCT number FROM unnest(p_numbers) AS n(number) ORDER BY number) o
$$;

-- Holds past their life that still keep one of these vouchers, by its place. One look-up for each:
-- left to choose, the planner tries every hold there is against every voucher.
CREATE OR REPLACE FUNCTION redemption_stale_holds(p_vouchers uuid[], p_ats timestamptz[])
RETURNS TABLE (place bigint, redemption_id uuid, limit_uses jsonb)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off SET join_collapse_limit = 1
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT l.place, r.id, r.limit_uses
      FROM unnest(p_vouchers, p_ats) WITH ORDINALITY AS l(voucher_id, at, place)
     CROSS JOIN LATERAL (SELECT n.redemption_id FROM redemption_redemptionline n
                          WHERE n.voucher_id = l.voucher_id AND n.live LIMIT 1) n
     CROSS JOIN LATERAL (SELECT r.id, r.limit_uses FROM redemption_redemption r
                          WHERE r.id = n.redemption_id AND r.state = 'HELD'
                            AND r.hold_expires_at <= l.at LIMIT 1) r;
END
$$;

-- Hold vouchers for payments: one group of one campaign and business date, in order of arrival
-- (architecture.md, A hot service has three steps). p_commands: a list of redemption_hold_request,
-- ord counting from 0, with lines [{"voucher_id", "batch_id", "used_fen", "parts"}…], limits (see
-- redemption_limit) and refusals [{"code", "data"}…]. No two commands of a group share a key,
-- limit key, payment code, order or voucher. One order of a store takes one voucher. A voucher
-- whose hold has outlived its time is timed out here first. Locks: orders → limit rows → payment
-- codes → vouchers → redemptions → accounts. Raises 40001 where another group won a race for a
-- key: the caller decides the group again. The text is read once, into arrays by position, and what
-- stands behind it is looked up for each of them (see redemption_stale_holds).
CREATE OR REPLACE FUNCTION redemptions_hold(
    p_campaign uuid, p_entry uuid, p_time_out_entry uuid, p_date date, p_commands jsonb
) RETURNS TABLE (ord integer, outcome text, redemption_id uuid, refusals jsonb)
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off SET join_collapse_limit = 1
AS $$
#variable_conflict use_column
DECLARE
    v_campaign record;
    v_found record;
    v_commands redemption_hold_request[];
    v_lines redemption_hold_line[];
    v_limits redemption_limit[];
    v_stale jsonb;
    v_reasons jsonb;
    v_written bigint;
    -- By position of the line.
    v_vouchers uuid[];
    v_voucher_ats timestamptz[];
    -- By position of the command.
    v_ats timestamptz[];
    v_results uuid[];
    v_refusals jsonb[];
    v_against jsonb[];
    v_outcomes text[];
    v_accepted boolean[];
BEGIN
    SELECT array_agg(c ORDER BY c.ord), array_agg(c.at ORDER BY c.ord),
           array_agg(c.redemption_id ORDER BY c.ord),
           array_agg(coalesce(c.refusals, '[]') ORDER BY c.ord), array_agg('[]'::jsonb),
           array_agg(NULL::text), array_agg(false)
      INTO v_commands, v_ats, v_results, v_refusals, v_against, v_outcomes, v_accepted
      FROM jsonb_populate_recordset(NULL::redemption_hold_request, p_commands) c;
    IF v_commands[cardinality(v_commands)].ord <> cardinality(v_commands) - 1 THEN
        RAISE EXCEPTION 'commands must be numbered from 0';
    END IF;
    SELECT array_agg(ROW(c.ord, l.voucher_id, l.batch_id, l.used_fen, l.parts)
                     ::redemption_hold_line), array_agg(l.voucher_id), array_agg(c.at)
      INTO v_lines, v_vouchers, v_voucher_ats
      FROM unnest(v_commands) c
     CROSS JOIN LATERAL jsonb_to_recordset(c.lines)
           AS l(voucher_id uuid, batch_id uuid, used_fen bigint, parts bigint[]);
    SELECT array_agg(ROW(c.ord, l.limit_id, l.window_start, l.key_id, l.cap, l.kind, l.window,
                         l.document)::redemption_limit)
      INTO v_limits
      FROM unnest(v_commands) c
     CROSS JOIN LATERAL jsonb_to_recordset(c.limits)
           AS l(limit_id bigint, window_start timestamptz, key_id bigint, cap integer, kind text,
                "window" text, document boolean);

    PERFORM redemption_orders_lock(ARRAY(
        SELECT redemption_order_number(c.client_id, c.store_id, c.order_no)
          FROM unnest(v_commands) c));

    -- With the rows of limits that a time-out below would give back: limits come before vouchers.
    PERFORM vouchers_limits_lock(array_agg(l.limit_id), array_agg(l.window_start),
                                 array_agg(l.key_id))
      FROM (SELECT l.limit_id, l.window_start, l.key_id FROM unnest(v_limits) l
            UNION ALL
            SELECT l.limit_id, l.window_start, l.key_id
              FROM redemption_stale_holds(v_vouchers, v_voucher_ats) stale
             CROSS JOIN LATERAL jsonb_to_recordset(stale.limit_uses)
                   AS l(limit_id bigint, window_start timestamptz, key_id bigint)) l;
    PERFORM 1 FROM redemption_paymentcode p
      WHERE p.id = ANY (ARRAY(SELECT c.payment_code_id FROM unnest(v_commands) c
                               WHERE c.payment_code_id IS NOT NULL))
      ORDER BY p.id FOR UPDATE;
    PERFORM vouchers_lock(v_vouchers);

    -- Known keys after the locks: a twin of this request that held them has committed by now.
    FOR v_found IN
        SELECT c.ord + 1 AS place, s.redemption_id AS id, s.fingerprint = c.fingerprint AS same
          FROM unnest(v_commands) c
         CROSS JOIN LATERAL (SELECT k.redemption_id, k.fingerprint
                               FROM redemption_redemptionstep k
                              WHERE k.client_id = c.client_id AND k.kind = 'HOLD'
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

    -- A hold past its life is timed out, with its posting, by the call that needs the voucher.
    SELECT jsonb_agg(jsonb_build_object('ord', 0, 'redemption_id', stale.redemption_id,
               'step_id', gen_random_uuid(), 'at', v_voucher_ats[stale.place],
               'refusals', '[]'::jsonb))
      INTO v_stale
      FROM redemption_stale_holds(v_vouchers, v_voucher_ats) stale
     WHERE v_outcomes[v_lines[stale.place].ord + 1] IS NULL;
    IF v_stale IS NOT NULL THEN
        PERFORM 1 FROM redemptions_unhold_unposted(
            p_campaign, p_time_out_entry, p_date, 'TIME_OUT', v_stale);
    END IF;

    -- What speaks against the vouchers, then against the limits.
    FOR v_found IN
        SELECT l.ord + 1 AS place, jsonb_agg(jsonb_build_object(
                   'code', CASE
                       WHEN v.state = 'HELD' THEN 'voucher.held'
                       WHEN v.state = 'REDEEMED' THEN 'voucher.redeemed'
                       WHEN v.state = 'VOIDED' THEN 'voucher.voided'
                       WHEN v.state = 'EXPIRED' OR v_ats[l.ord + 1] >= v.valid_until
                       THEN 'voucher.expired'
                       WHEN v.state = 'FROZEN' THEN 'voucher.frozen'
                       ELSE 'redemption.paused' END,
                   'data', CASE
                       WHEN v.state = 'HELD' THEN jsonb_build_object('until', r.hold_expires_at)
                       WHEN v.state = 'EXPIRED' OR v_ats[l.ord + 1] >= v.valid_until
                       THEN jsonb_build_object('valid_until', v.valid_until)
                       ELSE '{}' END) ORDER BY v.id) AS reasons
          FROM unnest(v_lines) l
         CROSS JOIN LATERAL (SELECT v.id, v.state, v.valid_until, v.batch_id
                               FROM vouchers_voucher v WHERE v.id = l.voucher_id LIMIT 1) v
          LEFT JOIN redemption_redemptionline n ON n.voucher_id = v.id AND n.live
          LEFT JOIN redemption_redemption r ON r.id = n.redemption_id
         WHERE v.state <> 'ACTIVE' OR v_ats[l.ord + 1] >= v.valid_until
            OR NOT (SELECT b.redemptions_on FROM vouchers_batch b WHERE b.id = v.batch_id)
         GROUP BY l.ord
    LOOP
        v_against[v_found.place] := v_found.reasons;
    END LOOP;
    FOR v_found IN
        SELECT l.ord + 1 AS place, jsonb_agg(jsonb_build_object('code', 'redemption.person_limit',
                   'data', jsonb_build_object('limit_id', l.limit_id, 'window', l.window,
                       'used', u.used, 'cap', l.cap, 'kind', l.kind))
                   ORDER BY l.limit_id, l.document DESC, l.kind) AS reasons
          FROM unnest(v_limits) l
         CROSS JOIN LATERAL (SELECT k.used FROM vouchers_limituse k
                              WHERE k.limit_id = l.limit_id AND k.window_start = l.window_start
                                AND k.key_id = l.key_id LIMIT 1) u
         WHERE u.used + 1 > l.cap
         GROUP BY l.ord
    LOOP
        v_against[v_found.place] := v_against[v_found.place] || v_found.reasons;
    END LOOP;
    SELECT c.redemptions_on, c.state INTO STRICT v_campaign
      FROM campaigns_campaign c WHERE c.id = p_campaign;

    FOR v_found IN
        SELECT c.ord + 1 AS place, p.used_at,
               redemption_order_taken(c.client_id, c.store_id, c.order_no, c.at, NULL) AS ordered
          FROM unnest(v_commands) c
          LEFT JOIN redemption_paymentcode p ON p.id = c.payment_code_id
    LOOP
        CONTINUE WHEN v_outcomes[v_found.place] IS NOT NULL;
        v_reasons := '[]';
        IF v_found.used_at IS NOT NULL THEN
            v_reasons := v_reasons || '[{"code": "code.used", "data": {}}]'::jsonb;
        END IF;
        IF v_found.ordered THEN
            v_reasons := v_reasons || jsonb_build_object(
                'code', 'redemption.stacking_not_allowed', 'data', '{"limit": 1}'::jsonb);
        END IF;
        v_reasons := v_reasons || v_refusals[v_found.place] || v_against[v_found.place];
        IF NOT v_campaign.redemptions_on OR v_campaign.state IN ('CLOSED', 'AUDITED', 'CLEARING')
        THEN
            v_reasons := v_reasons || '[{"code": "redemption.paused", "data": {}}]'::jsonb;
        END IF;
        v_accepted[v_found.place] := v_reasons = '[]';
        v_outcomes[v_found.place] := CASE WHEN v_reasons = '[]' THEN 'ACCEPTED'
                                          ELSE 'REFUSED' END;
        v_refusals[v_found.place] := v_reasons;
    END LOOP;

    IF true = ANY (v_accepted) THEN
        WITH accepted AS (
            SELECT l.* FROM unnest(v_limits) l WHERE v_accepted[l.ord + 1]
        ), written AS (
            INSERT INTO vouchers_limituse AS u (limit_id, window_start, key_id, used, cap)
            SELECT limit_id, window_start, key_id, 1, cap FROM accepted
             ORDER BY limit_id, window_start, key_id
            ON CONFLICT (limit_id, window_start, key_id) DO UPDATE
               SET used = u.used + 1, cap = excluded.cap WHERE u.used + 1 <= excluded.cap
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM accepted) - (SELECT count(*) FROM written) INTO v_written;
        IF v_written <> 0 THEN
            RAISE EXCEPTION 'a limit was used up by another group' USING ERRCODE = '40001';
        END IF;

        INSERT INTO redemption_redemptionstep (id, redemption_id, seq, kind, client_id,
            idempotency_key, fingerprint, order_fen, payer_fen, subsidy_fen, funder_ids, parts,
            reference, voucher_fate, entry_id, business_date, at, detail)
        SELECT c.step_id, c.redemption_id, 1, 'HOLD', c.client_id, c.key, c.fingerprint,
               c.order_fen, c.payable_fen, c.subsidy_fen, c.funder_ids, c.parts, c.order_no, '',
               p_entry, p_date, c.at, coalesce(c.detail, '{}')
          FROM unnest(v_commands) c
         WHERE v_accepted[c.ord + 1]
         ORDER BY c.client_id, c.key
        ON CONFLICT (client_id, kind, idempotency_key) DO NOTHING;
        GET DIAGNOSTICS v_written = ROW_COUNT;
        IF v_written <> (SELECT count(*) FROM unnest(v_accepted) AS a(taken) WHERE a.taken) THEN
            RAISE EXCEPTION 'an idempotency key was used by another group' USING ERRCODE = '40001';
        END IF;

        INSERT INTO redemption_redemption (id, client_id, campaign_id, enrolment_id,
            voucher_client_id, acquirer_id, merchant_id, store_id, terminal_id, payee_id,
            whitelist_id, owner_region, store_region, order_no, flow, card_bin, order_fen,
            other_discount_fen, bank_discount_fen, subsidy_fen, payable_fen, state, held_at,
            hold_expires_at, channel_trade_no, refunded_order_fen, refunded_payer_fen, refunded_subsidy_fen,
            refund_count, last_step, limit_uses)
        SELECT c.redemption_id, c.client_id, p_campaign, c.enrolment_id, c.voucher_client_id,
               c.acquirer_id, c.merchant_id, c.store_id, c.terminal_id, c.payee_id, c.whitelist_id,
               c.owner_region, c.store_region, c.order_no, c.flow, coalesce(c.card_bin, ''),
               c.order_fen, c.other_discount_fen, c.bank_discount_fen, c.subsidy_fen,
               c.payable_fen, 'HELD', c.at,
               c.hold_expires_at, '', 0, 0, 0, 0, 1, coalesce(c.limits, '[]')
          FROM unnest(v_commands) c
         WHERE v_accepted[c.ord + 1];
        INSERT INTO redemption_redemptionline (redemption_id, voucher_id, batch_id, used_fen,
            parts, live)
        SELECT v_results[l.ord + 1], l.voucher_id, l.batch_id, l.used_fen, l.parts, true
          FROM unnest(v_lines) l
         WHERE v_accepted[l.ord + 1];
        UPDATE vouchers_voucher v SET state = 'HELD'
          FROM unnest(v_lines) l
         WHERE v_accepted[l.ord + 1] AND v.id = l.voucher_id;
        UPDATE redemption_paymentcode p SET used_at = c.at, redemption_id = c.redemption_id
          FROM unnest(v_commands) c
         WHERE v_accepted[c.ord + 1] AND p.id = c.payment_code_id;
    END IF;

    -- The entries last: accounts are locked after everything else, and in one go.
    IF v_stale IS NOT NULL THEN
        PERFORM ledger_lock(p_campaign, ARRAY['OUTSTANDING', 'HELD'], ARRAY(
            SELECT DISTINCT l.batch_id FROM unnest(v_lines) l));
        PERFORM redemptions_unhold_post(p_campaign, p_time_out_entry, p_date, 'TIME_OUT');
    END IF;
    IF true = ANY (v_accepted) THEN
        PERFORM ledger_post(p_entry, 'HOLD', p_campaign, 'hold:' || p_entry, p_date,
            (SELECT max(t.at) FROM unnest(v_ats) AS t(at)),
            (SELECT jsonb_agg(jsonb_build_object('d', 'OUTSTANDING', 'du', x.batch_id, 'c', 'HELD',
                        'cu', x.batch_id, 'f', x.funder_id, 'a', x.fen))
               FROM (SELECT b.id AS batch_id, part.funder_id, sum(part.fen) AS fen
                       FROM unnest(v_lines) l
                      CROSS JOIN LATERAL (SELECT v.parts, v.batch_id FROM vouchers_voucher v
                                           WHERE v.id = l.voucher_id LIMIT 1) v
                      CROSS JOIN LATERAL (SELECT b.id, b.funder_ids FROM vouchers_batch b
                                           WHERE b.id = v.batch_id LIMIT 1) b
                      CROSS JOIN LATERAL ROWS FROM (unnest(b.funder_ids), unnest(v.parts))
                            AS part(funder_id, fen)
                      WHERE v_accepted[l.ord + 1]
                      GROUP BY b.id, part.funder_id) x));
    END IF;

    RETURN QUERY
    SELECT c.ord, v_outcomes[c.ord + 1],
           CASE WHEN v_outcomes[c.ord + 1] <> 'REFUSED' THEN v_results[c.ord + 1] END,
           CASE WHEN v_outcomes[c.ord + 1] = 'REFUSED' THEN v_refusals[c.ord + 1] ELSE '[]' END
      FROM unnest(v_commands) c
     ORDER BY c.ord;
END
$$;
