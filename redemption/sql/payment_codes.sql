-- Payment codes by hash, made and found (redemption/services/payment_codes.py).

-- Insert the codes that are not there yet and return every one of them, by place from 0. A code whose
-- digits are another one's has no row: the caller draws others.
DROP FUNCTION IF EXISTS payment_codes_make(uuid[], text[], text[], uuid[], uuid[], uuid[], bigint[],
    timestamptz[], timestamptz[]);
CREATE FUNCTION payment_codes_make(
    p_ids uuid[], p_hashes text[], p_numerics text[], p_clients uuid[], p_people uuid[],
    p_vouchers uuid[], p_devices bigint[], p_ats timestamptz[], p_ends timestamptz[])
RETURNS TABLE (
    place bigint, is_new boolean, numeric_hash text, enrolment_id uuid, voucher_id uuid,
    device_key_id bigint, expires_at timestamptz)
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO redemption_paymentcode (id, code_hash, numeric_hash, client_id, enrolment_id,
        voucher_id, device_key_id, created_at, expires_at)
    SELECT c.id, c.hash, c.digits, c.client_id, c.person_id, c.voucher_id, c.device_id, c.at, c.ends
      FROM unnest(p_ids, p_hashes, p_numerics, p_clients, p_people, p_vouchers, p_devices, p_ats,
                  p_ends)
           AS c(id, hash, digits, client_id, person_id, voucher_id, device_id, at, ends)
     ORDER BY c.hash
    ON CONFLICT DO NOTHING;
    -- A statement of its own, so that it sees what another session has committed meanwhile.
    RETURN QUERY
    SELECT c.place - 1, p.id = c.id, p.numeric_hash::text, p.enrolment_id, p.voucher_id,
           p.device_key_id, p.expires_at
      FROM unnest(p_ids, p_hashes) WITH ORDINALITY AS c(id, hash, place)
     CROSS JOIN LATERAL (SELECT * FROM redemption_paymentcode x
                          WHERE x.code_hash = c.hash LIMIT 1) p;
END
$$;

-- The codes that have one of these hashes in either spelling.
DROP FUNCTION IF EXISTS payment_codes_found(text[]);
CREATE FUNCTION payment_codes_found(p_hashes text[])
RETURNS TABLE (
    hash text, code_id uuid, enrolment_id uuid, voucher_id uuid, device_key_id bigint,
    expires_at timestamptz, used_at timestamptz)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT asked.hash, p.id, p.enrolment_id, p.voucher_id, p.device_key_id, p.expires_at, p.used_at
      FROM unnest(p_hashes) AS asked(hash)
     CROSS JOIN LATERAL (
        SELECT * FROM redemption_paymentcode t WHERE t.code_hash = asked.hash
        UNION
        SELECT * FROM redemption_paymentcode n WHERE n.numeric_hash = asked.hash) p;
END
$$;
