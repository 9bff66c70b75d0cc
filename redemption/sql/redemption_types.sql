-- What the texts of redemptions_hold and redemptions_confirm spell: a command, a voucher it would use,
-- a limit row it would count on. Made once, by whoever comes first: sessions keep what they know of a
-- type, so a change is a new name, never DROP and CREATE.
DO $$ BEGIN
    CREATE TYPE redemption_hold_line AS (
        ord integer, voucher_id uuid, batch_id uuid, used_fen bigint, parts bigint[]
    );
    CREATE TYPE redemption_limit AS (
        ord integer, limit_id bigint, window_start timestamptz, key_id bigint, cap integer, kind text,
        "window" text, document boolean
    );
    CREATE TYPE redemption_confirm_command AS (
        ord integer, redemption_id uuid, step_id uuid, client_id uuid, key text, fingerprint text,
        at timestamptz, trade_no text, limits jsonb, detail jsonb, refusals jsonb
    );
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;
DO $$ BEGIN
    CREATE TYPE redemption_hold_request AS (
        ord integer, redemption_id uuid, step_id uuid, client_id uuid, key text, fingerprint text,
        at timestamptz, hold_expires_at timestamptz, payment_code_id uuid, enrolment_id uuid,
        voucher_client_id uuid, acquirer_id uuid, merchant_id uuid, store_id uuid, terminal_id uuid,
        payee_id uuid, whitelist_id uuid, owner_region text, store_region text, order_no text,
        flow text, card_bin text, order_fen bigint, other_discount_fen bigint,
        bank_discount_fen bigint, subsidy_fen bigint, payable_fen bigint, funder_ids uuid[],
        parts bigint[], detail jsonb, lines jsonb, limits jsonb, refusals jsonb
    );
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;
