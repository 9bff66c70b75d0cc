-- What stands behind the tills that payments name, by place from 0; unknown ones have no row.
-- A terminal client names terminals of its own acquirer. Any other client names store and terminal:
-- terminal numbers are unique per acquirer only, so a till that two acquirers number alike in one
-- store is nobody's. A function keeps its plan with the session; it begins with what is asked for.
DROP FUNCTION IF EXISTS merchants_tills(uuid[], text[], text[]);
CREATE FUNCTION merchants_tills(p_clients uuid[], p_store_nos text[], p_terminal_nos text[])
RETURNS TABLE (
    place bigint, terminal_id uuid, terminal_no text, merchant_no text, is_live boolean,
    tested_at timestamptz, store_id uuid, store_no text, store_name text, store_region text,
    store_is_active boolean, longitude float8, latitude float8, opens_at time, closes_at time,
    merchant_id uuid, merchant_name text, merchant_state text, owner_region text, mcc text,
    industry text, tier text, brand text, payee_id uuid, acquirer_id uuid, acquirer_code text,
    term_unit text, term_days integer, cutoff time, fee_bp integer)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off SET join_collapse_limit = 1
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT asked.place - 1, t.id, t.terminal_no::text, t.merchant_no::text,
           t.is_active AND t.tested_at IS NOT NULL, t.tested_at,
           s.id, s.store_no::text, s.name::text, s.region_code::text, s.is_active,
           s.longitude::float8, s.latitude::float8, s.opens_at, s.closes_at,
           m.id, m.name::text, m.state::text, m.owner_region::text, m.mcc::text,
           m.industry::text, m.tier::text, r.code::text,
           p.id, a.id, a.code::text, a.term_unit::text, a.term_days::integer, a.cutoff,
           a.fee_bp::integer
      FROM unnest(p_clients, p_store_nos, p_terminal_nos) WITH ORDINALITY
           AS asked(client_id, store_no, terminal_no, place)
      LEFT JOIN LATERAL (
        SELECT own.id
          FROM core_client k JOIN merchants_acquirer own ON own.organisation_id = k.organisation_id
         WHERE k.id = asked.client_id AND k.kind = 'TERMINAL' LIMIT 1) own ON true
      LEFT JOIN LATERAL (
        SELECT (array_agg(DISTINCT x.acquirer_id))[1] AS id
          FROM merchants_store y
          JOIN merchants_terminal x ON x.store_id = y.id AND x.terminal_no = asked.terminal_no
         WHERE y.store_no = asked.store_no
        HAVING count(DISTINCT x.acquirer_id) = 1) other ON own.id IS NULL
      JOIN merchants_terminal t
        ON t.acquirer_id = coalesce(own.id, other.id) AND t.terminal_no = asked.terminal_no
      JOIN merchants_store s ON s.id = t.store_id
      JOIN merchants_merchant m ON m.id = s.merchant_id
      LEFT JOIN merchants_brand r ON r.id = m.brand_id
      JOIN merchants_acquirer a ON a.id = t.acquirer_id
      LEFT JOIN merchants_payee p
        ON p.acquirer_id = t.acquirer_id AND p.merchant_no = t.merchant_no
       AND p.merchant_id = s.merchant_id AND p.valid_until IS NULL;
END
$$;
