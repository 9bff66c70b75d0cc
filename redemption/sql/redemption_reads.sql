-- What the services read before the hot functions decide. Functions keep their plans with the
-- session: planned anew by every till, these reads took longer than the hold itself. Each begins
-- with what is asked for, in the order written: planned while its tables are empty, as on the first
-- day, one that is left to choose reads whole indexes for the rest of its session.

-- What is taken off at the payment without a claim (立减) comes with people, as rows without voucher
-- and person: of each batch that has units left.
-- Vouchers of people in one of the states of an unused one, and named vouchers in whatever state,
-- with what the rules look at.
-- What a batch's vouchers have in common comes with the first one of each version: a group at noon
-- has hundreds of a few.
DROP FUNCTION IF EXISTS redemption_wallet(uuid[], uuid[], text[]);
CREATE FUNCTION redemption_wallet(p_people uuid[], p_vouchers uuid[], p_unused text[])
RETURNS TABLE (
    voucher_id uuid, batch_id uuid, campaign_id uuid, enrolment_id uuid, client_id uuid,
    face_fen bigint, parts bigint[], state text, valid_from timestamptz, valid_until timestamptz,
    held_until timestamptz, owner_region text, version_id bigint, rules text, funder_ids uuid[],
    batch_code text, batch_name text, campaign_regions text[], paused boolean)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off SET join_collapse_limit = 1
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH found AS (
        SELECT unnest(p_vouchers) AS id
        UNION
        SELECT v.id FROM vouchers_voucher v
         WHERE v.enrolment_id = ANY (p_people) AND v.state = ANY (p_unused)
    )
    SELECT v.id, v.batch_id, v.campaign_id, v.enrolment_id, v.client_id, v.face_fen, v.parts,
           v.state::text, v.valid_from, v.valid_until, h.hold_expires_at, v.owner_region::text,
           v.batch_version_id, b.rules, b.funder_ids, b.code, b.name, b.regions, b.paused
      FROM (SELECT x.*, row_number() OVER (PARTITION BY x.batch_version_id ORDER BY x.id) = 1
                   AS is_first
              FROM found CROSS JOIN LATERAL (SELECT y.* FROM vouchers_voucher y
                                              WHERE y.id = found.id LIMIT 1) x) v
      LEFT JOIN LATERAL (
        SELECT f.rules::text AS rules, b.funder_ids, b.code::text AS code, b.name::text AS name,
               c.regions::text[] AS regions, NOT (b.redemptions_on AND c.redemptions_on)
                   OR c.state IN ('CLEARING', 'AUDITED', 'CLOSED') AS paused
          FROM vouchers_batch b
          JOIN vouchers_batchversion f ON f.id = v.batch_version_id
          JOIN campaigns_campaign c ON c.id = b.campaign_id
         WHERE v.is_first AND b.id = v.batch_id LIMIT 1) b ON true
      LEFT JOIN LATERAL (
        SELECT r.hold_expires_at
          FROM redemption_redemptionline n
          JOIN redemption_redemption r ON r.id = n.redemption_id AND r.state = 'HELD'
         WHERE v.state = 'HELD' AND n.voucher_id = v.id AND n.live LIMIT 1) h ON true
     ORDER BY v.id;
    IF cardinality(p_people) > 0 THEN
        RETURN QUERY
        SELECT NULL::uuid, b.id, b.campaign_id, NULL::uuid, NULL::uuid, b.face_fen,
               ARRAY[b.face_fen], 'ACTIVE', c.starts_at, c.ends_at, NULL::timestamptz,
               b.owner_region::text, f.id, f.rules::text, b.funder_ids, b.code::text,
               b.name::text, c.regions::text[], NOT (b.redemptions_on AND c.redemptions_on)
          FROM vouchers_batch b
          JOIN vouchers_batchversion f ON f.id = b.version_id
          JOIN campaigns_campaign c ON c.id = b.campaign_id AND c.state = 'LIVE'
         WHERE b.kind = 'INSTANT' AND b.claims_on AND b.issued < b.released
         ORDER BY b.id;
    END IF;
END
$$;

-- The whitelist in force of each campaign that has a store.
DROP FUNCTION IF EXISTS redemption_listed(uuid[], uuid[]);
CREATE FUNCTION redemption_listed(p_campaigns uuid[], p_stores uuid[])
RETURNS TABLE (campaign_id uuid, store_id uuid, whitelist_id uuid)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off SET join_collapse_limit = 1
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT w.campaign_id, e.store_id, w.id
      FROM campaigns_whitelist w
      JOIN campaigns_whitelistentry e ON e.whitelist_id = w.id AND e.store_id = ANY (p_stores)
     WHERE w.campaign_id = ANY (p_campaigns) AND w.state = 'IN_FORCE';
END
$$;

-- Redemptions with their hold, which is their first step, and vouchers, one row per voucher.
DROP FUNCTION IF EXISTS redemption_targets(uuid[]);
CREATE FUNCTION redemption_targets(p_redemptions uuid[])
RETURNS TABLE (
    id uuid, client_id uuid, campaign_id uuid, store_id uuid, order_no text, order_fen bigint,
    other_discount_fen bigint, payable_fen bigint, subsidy_fen bigint,
    hold_expires_at timestamptz, funder_ids uuid[], parts bigint[], limit_uses text, cutoff time,
    term_unit text, term_days integer, voucher_id uuid, batch_name text, used_fen bigint)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off SET join_collapse_limit = 1
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT r.id, r.client_id, r.campaign_id, r.store_id, r.order_no::text, r.order_fen,
           r.other_discount_fen, r.payable_fen, r.subsidy_fen, r.hold_expires_at, h.funder_ids,
           h.parts, r.limit_uses::text, a.cutoff, a.term_unit::text, a.term_days::integer,
           n.voucher_id, b.name::text, n.used_fen
      FROM unnest(p_redemptions) AS asked(id)
      JOIN redemption_redemption r ON r.id = asked.id
      JOIN merchants_acquirer a ON a.id = r.acquirer_id
      JOIN redemption_redemptionstep h ON h.redemption_id = r.id AND h.seq = 1
      JOIN redemption_redemptionline n ON n.redemption_id = r.id
      JOIN vouchers_batch b ON b.id = n.batch_id
     ORDER BY r.id, n.id;
END
$$;

-- Steps of a kind by client and idempotency key.
DROP FUNCTION IF EXISTS redemption_steps_known(text, uuid[], text[]);
CREATE FUNCTION redemption_steps_known(p_kind text, p_clients uuid[], p_keys text[])
RETURNS TABLE (client_id uuid, idempotency_key text, step_id uuid, fingerprint text)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off SET join_collapse_limit = 1
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT asked.client_id, asked.key, s.id, s.fingerprint::text
      FROM unnest(p_clients, p_keys) AS asked(client_id, key)
     CROSS JOIN LATERAL (SELECT k.id, k.fingerprint FROM redemption_redemptionstep k
                          WHERE k.client_id = asked.client_id AND k.kind = p_kind
                            AND k.idempotency_key = asked.key LIMIT 1) s;
END
$$;
