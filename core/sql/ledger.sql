-- The ledger's own rules (architecture.md, Money). Idempotent: installed again when it changes.

-- Both accounts of a posting belong to the posting's campaign and funder.
ALTER TABLE core_posting DROP CONSTRAINT IF EXISTS posting_debit_same_owner;
ALTER TABLE core_posting ADD CONSTRAINT posting_debit_same_owner
    FOREIGN KEY (debit_account_id, campaign_id, funder_id)
    REFERENCES core_account (id, campaign_id, funder_id);
ALTER TABLE core_posting DROP CONSTRAINT IF EXISTS posting_credit_same_owner;
ALTER TABLE core_posting ADD CONSTRAINT posting_credit_same_owner
    FOREIGN KEY (credit_account_id, campaign_id, funder_id)
    REFERENCES core_account (id, campaign_id, funder_id);

-- Every posting names an entry that is there. Asked with the statement that writes postings, not at
-- the end of the transaction: there the settings of `ledger_post` are gone, and a plan made on the
-- first day, when there were few, would read all entries for each posting.
DO $$
DECLARE
    v_name text;
BEGIN
    FOR v_name IN SELECT conname FROM pg_constraint
                   WHERE conrelid = 'core_posting'::regclass AND contype = 'f'
                     AND confrelid = 'core_entry'::regclass AND condeferrable
    LOOP
        EXECUTE format('ALTER TABLE core_posting ALTER CONSTRAINT %I NOT DEFERRABLE', v_name);
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION ledger_debit_side(p_kind text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT p_kind IN ('FUNDER_RECEIVABLE', 'CASH', 'CONCESSION', 'MERCHANT_RECEIVABLE')
$$;

-- Balances follow postings and nothing else: the application role may not write them.
-- NO KEY UPDATE, since the foreign keys above hold KEY SHARE on the same rows.
CREATE OR REPLACE FUNCTION ledger_apply_postings() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off SET join_collapse_limit = 1
AS $$
BEGIN
    PERFORM 1 FROM core_account
      WHERE id IN (SELECT debit_account_id FROM new_rows
                   UNION SELECT credit_account_id FROM new_rows)
      ORDER BY id FOR NO KEY UPDATE;
    UPDATE core_account a
       SET balance_fen = a.balance_fen + moved.fen * CASE WHEN ledger_debit_side(a.kind)
                                                          THEN 1 ELSE -1 END
      FROM (SELECT account_id, sum(fen)::bigint AS fen
              FROM (SELECT debit_account_id AS account_id, amount_fen AS fen FROM new_rows
                    UNION ALL SELECT credit_account_id, -amount_fen FROM new_rows) side
             GROUP BY account_id) moved
     WHERE a.id = moved.account_id AND moved.fen <> 0;
    RETURN NULL;
END
$$;
DROP TRIGGER IF EXISTS ledger_apply_postings ON core_posting;
CREATE TRIGGER ledger_apply_postings AFTER INSERT ON core_posting
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION ledger_apply_postings();

-- Lock accounts before a transaction writes more than one entry: each entry alone locks its own in
-- order, two of them need not. The application role cannot lock rows it may not write.
CREATE OR REPLACE FUNCTION ledger_lock(p_campaign uuid, p_kinds text[], p_units uuid[])
RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT 1 FROM core_account
     WHERE campaign_id = p_campaign AND kind = ANY (p_kinds) AND unit_id = ANY (p_units)
     ORDER BY id FOR NO KEY UPDATE
$$;

-- An entry has at least one posting by the end of its transaction.
CREATE OR REPLACE FUNCTION ledger_entry_has_postings() RETURNS trigger
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM core_posting WHERE entry_id = NEW.id) THEN
        RAISE EXCEPTION 'entry % has no posting', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
DROP TRIGGER IF EXISTS ledger_entry_has_postings ON core_entry;
CREATE CONSTRAINT TRIGGER ledger_entry_has_postings AFTER INSERT ON core_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_entry_has_postings();

-- Write one entry. p_lines: [{"d": kind, "du": unit|null, "c": kind, "cu": unit|null,
-- "f": funder, "a": fen}, …]; equal transfers are added up, zero amounts are not written.
-- Returns false, and writes nothing, if no amount is left. Accounts come last in the lock order:
-- call this after every other lock is held.
CREATE OR REPLACE FUNCTION ledger_post(
    p_entry uuid, p_code text, p_campaign uuid, p_key text, p_date date, p_at timestamptz,
    p_lines jsonb
) RETURNS boolean LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off SET join_collapse_limit = 1
AS $$
DECLARE
    v_nil constant uuid := '00000000-0000-0000-0000-000000000000';
    v_debits text[];
    v_debit_units uuid[];
    v_credits text[];
    v_credit_units uuid[];
    v_funders uuid[];
    v_amounts bigint[];
    v_least bigint;
BEGIN
    -- Read once: a group at a hundred tills has some hundred lines.
    SELECT array_agg(t.d), array_agg(t.du), array_agg(t.c), array_agg(t.cu), array_agg(t.f),
           array_agg(t.fen), min(t.least)
      INTO v_debits, v_debit_units, v_credits, v_credit_units, v_funders, v_amounts, v_least
      FROM (SELECT x.d, coalesce(x.du, v_nil) AS du, x.c, coalesce(x.cu, v_nil) AS cu, x.f,
                   sum(x.a)::bigint AS fen, min(x.a) AS least
              FROM jsonb_to_recordset(p_lines)
                   AS x(d text, du uuid, c text, cu uuid, f uuid, a bigint)
             WHERE x.a <> 0
             GROUP BY 1, 2, 3, 4, 5) t;
    IF v_least < 0 THEN
        RAISE EXCEPTION 'negative amount in entry %', p_key USING ERRCODE = 'check_violation';
    END IF;
    IF v_least IS NULL THEN
        RETURN false;
    END IF;
    INSERT INTO core_account (kind, campaign_id, funder_id, unit_id)
    SELECT side.kind, p_campaign, side.funder_id, side.unit_id
      FROM (SELECT x.kind, x.funder_id, x.unit_id
              FROM unnest(v_debits, v_funders, v_debit_units) AS x(kind, funder_id, unit_id)
            UNION
            SELECT x.kind, x.funder_id, x.unit_id
              FROM unnest(v_credits, v_funders, v_credit_units) AS x(kind, funder_id, unit_id)
           ) side
     WHERE NOT EXISTS (SELECT 1 FROM core_account a
                        WHERE a.campaign_id = p_campaign AND a.funder_id = side.funder_id
                          AND a.kind = side.kind AND a.unit_id = side.unit_id)
     ORDER BY side.funder_id, side.kind, side.unit_id
    ON CONFLICT DO NOTHING;
    INSERT INTO core_entry (id, code, campaign_id, source_key, business_date, at)
    VALUES (p_entry, p_code, p_campaign, p_key, p_date, p_at);
    INSERT INTO core_posting (entry_id, campaign_id, funder_id, debit_account_id,
                              credit_account_id, amount_fen)
    SELECT p_entry, p_campaign, t.f, d.id, c.id, t.fen
      FROM unnest(v_debits, v_debit_units, v_credits, v_credit_units, v_funders, v_amounts)
           AS t(d, du, c, cu, f, fen)
     CROSS JOIN LATERAL (SELECT a.id FROM core_account a
                          WHERE a.campaign_id = p_campaign AND a.funder_id = t.f
                            AND a.kind = t.d AND a.unit_id = t.du LIMIT 1) d
     CROSS JOIN LATERAL (SELECT a.id FROM core_account a
                          WHERE a.campaign_id = p_campaign AND a.funder_id = t.f
                            AND a.kind = t.c AND a.unit_id = t.cu LIMIT 1) c
     ORDER BY d.id, c.id;
    RETURN true;
END
$$;

-- Funder sums of the first p_count vouchers, and the parts of one (core/money.py says the rule).
-- Loops, not queries: every voucher asks, and starting a query costs more than all it adds up.
CREATE OR REPLACE FUNCTION funder_sums(p_face bigint, p_weights bigint[], p_count bigint)
RETURNS bigint[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    v_total constant numeric := array_total(p_weights);
    v_amount constant numeric := p_count::numeric * p_face;
    v_running bigint := 0;
    v_reached numeric := 0;
    v_before numeric;
    v_sums bigint[] := '{}';
BEGIN
    FOR v_place IN 1 .. cardinality(p_weights) LOOP
        v_before := v_reached;
        v_running := v_running + p_weights[v_place];
        v_reached := div(v_amount * v_running, v_total);
        v_sums[v_place] := v_reached - v_before;
    END LOOP;
    RETURN v_sums;
END
$$;

CREATE OR REPLACE FUNCTION funder_parts(p_face bigint, p_weights bigint[], p_number bigint)
RETURNS bigint[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    v_total constant bigint := array_total(p_weights);
    v_parts bigint[] := p_weights;
    v_running bigint := 0;
    v_reached bigint;
    v_before bigint := 0;
    v_amount bigint;
    v_sums bigint[];
BEGIN
    -- Divisions of integers cost a fifth of numeric ones; half of what they hold is left as room.
    IF p_number::double precision * p_face * v_total < 4.6e18 THEN
        v_amount := p_number * p_face;
        FOR v_place IN 1 .. cardinality(p_weights) LOOP
            v_running := v_running + p_weights[v_place];
            v_reached := v_amount * v_running / v_total
                         - (v_amount - p_face) * v_running / v_total;
            v_parts[v_place] := v_reached - v_before;
            v_before := v_reached;
        END LOOP;
        RETURN v_parts;
    END IF;
    v_parts := funder_sums(p_face, p_weights, p_number);
    v_sums := funder_sums(p_face, p_weights, p_number - 1);
    FOR v_place IN 1 .. cardinality(p_weights) LOOP
        v_parts[v_place] := v_parts[v_place] - v_sums[v_place];
    END LOOP;
    RETURN v_parts;
END
$$;

CREATE OR REPLACE FUNCTION array_total(p_values bigint[]) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    v_value bigint;
    v_total bigint := 0;
BEGIN
    FOREACH v_value IN ARRAY coalesce(p_values, '{}') LOOP
        v_total := v_total + coalesce(v_value, 0);
    END LOOP;
    RETURN v_total;
END
$$;
