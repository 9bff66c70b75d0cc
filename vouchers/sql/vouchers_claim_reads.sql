-- What the claim service reads before vouchers_claim decides. Functions keep their plans with the
-- session: planned anew for every group, these reads took a single till longer than the commit.

-- The first moment from p_from on at which a wave of the batch is open or opens; null if none is.
CREATE OR REPLACE FUNCTION vouchers_open_from(p_batch uuid, p_from timestamptz)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT min(greatest(r.slot, p_from))
      FROM vouchers_quotarelease r
      JOIN vouchers_batch b ON b.id = r.batch_id
      JOIN campaigns_campaign c ON c.id = b.campaign_id
     WHERE r.batch_id = p_batch AND r.state IN ('OPEN', 'PLANNED')
       AND coalesce(r.closes_at, c.ends_at) > p_from AND greatest(r.slot, p_from) < c.ends_at
$$;

-- waits: a wave whose slot has come waits for money.
-- waves: the last two slots up to p_until, whether their waves have opened by now or not.
-- parts: of a pack, the batches it is made of; those are claimed with it and not by themselves.
-- keeps: an open wave keeps units for channels; then vouchers_claim_slices says what is left whose.
DROP FUNCTION IF EXISTS vouchers_claim_batches(uuid[]);
DROP FUNCTION IF EXISTS vouchers_claim_batches(uuid[], timestamptz);
CREATE FUNCTION vouchers_claim_batches(p_batches uuid[], p_until timestamptz)
RETURNS TABLE (
    batch_id uuid, code text, face_fen bigint, regions text[], ends_at timestamptz,
    version_id bigint, rules text, limit_ids text, waves timestamptz[], claimable boolean,
    released bigint,
    issued bigint, first_slot timestamptz, latest_open timestamptz, next_slot timestamptz,
    parts text, keeps boolean, waits boolean)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
    -- A draft's rules are nobody's yet.
    RETURN QUERY
    SELECT b.id, b.code::text, b.face_fen, c.regions::text[], c.ends_at, v.id, v.rules::text,
           (SELECT coalesce(jsonb_object_agg(l.code, l.id), '{}')::text FROM vouchers_limit l
             WHERE l.campaign_id = c.id AND l.side IN ('CLAIM', 'CAP')),
           w.waves, c.state = 'LIVE' AND b.claims_on, b.released, b.issued,
           w.first_slot, w.latest_open, w.next_slot,
           CASE WHEN b.kind = 'PACK' THEN (
               SELECT jsonb_agg(jsonb_build_object('batch_id', p.id, 'version_id', f.id,
                          'quantity', p.pack_quantity, 'face_fen', p.face_fen,
                          'rules', f.rules::text) ORDER BY p.position, p.id)::text
                 FROM vouchers_batch p JOIN vouchers_batchversion f ON f.id = p.version_id
                WHERE p.pack_id = b.id) END,
           w.keeps, w.waits
      FROM vouchers_batch b
      JOIN vouchers_batchversion v ON v.id = b.version_id
      JOIN campaigns_campaign c ON c.id = b.campaign_id
     CROSS JOIN LATERAL (
        SELECT min(r.slot) AS first_slot,
               -- Two: claims that came just before a slot belong to the wave before.
               (array_agg(r.slot ORDER BY r.slot DESC)
                    FILTER (WHERE r.state <> 'CANCELLED' AND r.slot <= p_until))[1:2] AS waves,
               max(r.slot) FILTER (WHERE r.state = 'OPEN') AS latest_open,
               min(r.slot) FILTER (WHERE r.state = 'PLANNED') AS next_slot,
               bool_or(r.state = 'OPEN' AND r.fell_back_at IS NULL
                       AND r.channel_ids <> '{}') AS keeps,
               coalesce(bool_or(r.state = 'PLANNED' AND r.waiting_since IS NOT NULL), false)
                   AS waits
          FROM vouchers_quotarelease r WHERE r.batch_id = b.id) w
     WHERE b.id = ANY (p_batches) AND b.pack_id IS NULL
       AND c.state NOT IN ('DRAFT', 'SUBMITTED')
     ORDER BY b.id;
END
$$;

-- Every open slice of these batches that has units left. Not a part of the read above: even not
-- executed it cost every group a fifteenth of it.
DROP FUNCTION IF EXISTS vouchers_claim_slices(uuid[]);
CREATE FUNCTION vouchers_claim_slices(p_batches uuid[])
RETURNS TABLE (batch_id uuid, channel_id uuid, closes_at timestamptz, fall_back_at timestamptz)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT r.batch_id, s.channel_id, r.closes_at,
           CASE WHEN r.fell_back_at IS NULL THEN r.fall_back_at END
      FROM vouchers_quotarelease r JOIN vouchers_quotaslice s ON s.release_id = r.id
     WHERE r.batch_id = ANY (p_batches) AND r.state = 'OPEN' AND s.issued < s.planned
     ORDER BY r.slot, s.id;
END
$$;

-- Accounts (id, its client) by place from 0, with their present keys of these kinds; an account
-- without such a key has one row without key, another client's account none. They are found by
-- their ids: all accounts of a client are no way to one of them.
DROP FUNCTION IF EXISTS vouchers_claimants(uuid[], uuid[], text[]);
CREATE FUNCTION vouchers_claimants(p_accounts uuid[], p_clients uuid[], p_kinds text[])
RETURNS TABLE (place bigint, level text, key_id bigint, kind text)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT asked.place - 1, e.level::text, k.key_id, k.kind::text
      FROM unnest(p_accounts, p_clients) WITH ORDINALITY AS asked(id, client_id, place)
     CROSS JOIN LATERAL (SELECT x.id, x.level FROM vouchers_enrolment x
                          WHERE x.id = asked.id
                            AND x.client_id IS NOT DISTINCT FROM asked.client_id LIMIT 1) e
      LEFT JOIN LATERAL (SELECT x.key_id, x.kind FROM vouchers_enrolmentkey x
                          WHERE x.enrolment_id = e.id AND x.valid_until IS NULL
                            AND x.kind = ANY (p_kinds) OFFSET 0) k ON true
     ORDER BY asked.place, k.key_id;
END
$$;

-- Which of these keys (client, idempotency key), by place from 0, have a claim already.
DROP FUNCTION IF EXISTS vouchers_claims_known(uuid[], text[]);
CREATE FUNCTION vouchers_claims_known(p_clients uuid[], p_keys text[])
RETURNS TABLE (place bigint)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT asked.place - 1
      FROM unnest(p_clients, p_keys) WITH ORDINALITY AS asked(client_id, key, place)
     CROSS JOIN LATERAL (SELECT 1 FROM vouchers_claim k
                          WHERE k.client_id = asked.client_id AND k.idempotency_key = asked.key
                          LIMIT 1) known;
END
$$;
