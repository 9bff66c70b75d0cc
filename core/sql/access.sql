-- Roles that exclude each other, and at most two active keys per client (architecture.md, Ways in).
-- Idempotent: installed again when it changes. The same rules as core/access/roles.py; a test
-- compares both over all pairs.

CREATE OR REPLACE FUNCTION access_region_prefix(p_code text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN right(p_code, 4) = '0000' THEN left(p_code, 2)
                WHEN right(p_code, 2) = '00' THEN left(p_code, 4)
                ELSE p_code END
$$;

-- One subtree contains the other.
CREATE OR REPLACE FUNCTION access_regions_overlap(p_one text, p_other text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT starts_with(access_region_prefix(p_one), access_region_prefix(p_other))
        OR starts_with(access_region_prefix(p_other), access_region_prefix(p_one))
$$;

CREATE OR REPLACE FUNCTION access_role_family(p_role text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_role IN ('SYSTEM_ADMIN', 'SECURITY_ADMIN', 'SECURITY_AUDITOR') THEN 'ADMIN'
                WHEN p_role IN ('LIST_MAKER', 'LIST_CHECKER') THEN 'LIST'
                WHEN p_role IN ('RISK_MAKER', 'RISK_CHECKER') THEN 'RISK'
                WHEN p_role IN ('SETTLEMENT_MAKER', 'SETTLEMENT_CHECKER') THEN 'SETTLEMENT'
                ELSE 'BUSINESS' END
$$;

-- Two different roles one person cannot hold; p_overlap: their regions have a subtree in common.
CREATE OR REPLACE FUNCTION access_roles_conflict(p_one text, p_other text, p_overlap boolean)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT p_one <> p_other AND (
        (access_role_family(p_one) = 'ADMIN' OR access_role_family(p_other) = 'ADMIN')
        OR (access_role_family(p_one) = 'SETTLEMENT'
            AND access_role_family(p_other) IN ('LIST', 'RISK'))
        OR (access_role_family(p_other) = 'SETTLEMENT'
            AND access_role_family(p_one) IN ('LIST', 'RISK'))
        OR (p_overlap AND EXISTS (
            SELECT FROM (VALUES ('CAMPAIGN_MAKER', 'CAMPAIGN_CHECKER'),
                                ('CAMPAIGN_MAKER', 'DIRECTOR'),
                                ('LIST_MAKER', 'LIST_CHECKER'),
                                ('SETTLEMENT_MAKER', 'SETTLEMENT_CHECKER'),
                                ('SETTLEMENT_MAKER', 'DIRECTOR'),
                                ('PAYMENT_REGISTRAR', 'SETTLEMENT_CHECKER'),
                                ('RISK_MAKER', 'RISK_CHECKER')) pair (maker, checker)
             WHERE (maker, checker) IN ((p_one, p_other), (p_other, p_one)))))
$$;

CREATE OR REPLACE FUNCTION access_role_grant_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.revoked_at IS NOT NULL
           OR to_jsonb(NEW) - 'revoked_at' <> to_jsonb(OLD) - 'revoked_at' THEN
            RAISE EXCEPTION 'a role grant can only be revoked, once'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'role_grant_frozen';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.revoked_at IS NOT NULL THEN
        RETURN NEW;
    END IF;
    -- Two grants to one person at the same time must see each other.
    PERFORM 1 FROM core_user WHERE id = NEW.user_id FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM core_rolegrant g
                WHERE g.user_id = NEW.user_id AND g.revoked_at IS NULL
                  AND access_roles_conflict(
                      g.role, NEW.role, access_regions_overlap(g.region_id, NEW.region_id))) THEN
        RAISE EXCEPTION 'role % conflicts with a role this person holds', NEW.role
            USING ERRCODE = 'check_violation', CONSTRAINT = 'role_grant_pair';
    END IF;
    IF NEW.role IN ('CAMPAIGN_CHECKER', 'DIRECTOR', 'SETTLEMENT_CHECKER')
       AND EXISTS (SELECT FROM core_organisation o
                    WHERE o.kind = 'OPERATOR'
                      AND o.id IN (NEW.organisation_id,
                                   (SELECT organisation_id FROM core_user
                                     WHERE id = NEW.user_id))) THEN
        RAISE EXCEPTION 'an operator never approves budget or settlement'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'role_grant_operator';
    END IF;
    RETURN NEW;
END
$$;
DROP TRIGGER IF EXISTS access_role_grant_guard ON core_rolegrant;
CREATE TRIGGER access_role_grant_guard BEFORE INSERT OR UPDATE ON core_rolegrant
    FOR EACH ROW EXECUTE FUNCTION access_role_grant_guard();

-- A person with approving roles cannot be moved into an operator.
CREATE OR REPLACE FUNCTION access_user_organisation_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM core_organisation o
                WHERE o.id = NEW.organisation_id AND o.kind = 'OPERATOR')
       AND EXISTS (SELECT FROM core_rolegrant g
                    WHERE g.user_id = NEW.id AND g.revoked_at IS NULL
                      AND g.role IN ('CAMPAIGN_CHECKER', 'DIRECTOR', 'SETTLEMENT_CHECKER')) THEN
        RAISE EXCEPTION 'an operator never approves budget or settlement'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'role_grant_operator';
    END IF;
    RETURN NEW;
END
$$;
DROP TRIGGER IF EXISTS access_user_organisation_guard ON core_user;
CREATE TRIGGER access_user_organisation_guard BEFORE UPDATE OF organisation_id ON core_user
    FOR EACH ROW WHEN (OLD.organisation_id IS DISTINCT FROM NEW.organisation_id)
    EXECUTE FUNCTION access_user_organisation_guard();

-- At most two active keys, so that one can be replaced while the other still works. A revoked key
-- stays revoked; only the box of the secret may be sealed anew.
CREATE OR REPLACE FUNCTION access_client_key_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at)
           OR to_jsonb(NEW) - '{revoked_at,secret_box,secret_version}'::text[]
              <> to_jsonb(OLD) - '{revoked_at,secret_box,secret_version}'::text[] THEN
            RAISE EXCEPTION 'a client key can only be revoked, once'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'client_key_frozen';
        END IF;
        RETURN NEW;
    END IF;
    PERFORM 1 FROM core_client WHERE id = NEW.client_id FOR NO KEY UPDATE;
    IF NEW.revoked_at IS NULL AND (SELECT count(*) FROM core_clientkey
                                    WHERE client_id = NEW.client_id AND revoked_at IS NULL) >= 2
    THEN
        RAISE EXCEPTION 'client % has two active keys already', NEW.client_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'client_key_two';
    END IF;
    RETURN NEW;
END
$$;
DROP TRIGGER IF EXISTS access_client_key_guard ON core_clientkey;
CREATE TRIGGER access_client_key_guard BEFORE INSERT OR UPDATE ON core_clientkey
    FOR EACH ROW EXECUTE FUNCTION access_client_key_guard();
