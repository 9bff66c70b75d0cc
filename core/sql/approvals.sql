-- Maker and checker are different people, whoever writes (architecture.md, Ways in).

CREATE OR REPLACE FUNCTION xfq_approval_decision_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    approval core_approval%ROWTYPE;
BEGIN
    SELECT * INTO approval FROM core_approval WHERE id = NEW.approval_id FOR UPDATE;
    IF approval.maker_id = NEW.checker_id THEN
        RAISE EXCEPTION 'approval_checker_not_maker: maker and checker are one person'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'approval_checker_not_maker';
    END IF;
    IF approval.state <> 'PENDING' THEN
        RAISE EXCEPTION 'approval_decision_pending: the approval is %', approval.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'approval_decision_pending';
    END IF;
    RETURN NEW;
END $$;

DROP TRIGGER IF EXISTS approval_checker_not_maker ON core_approvaldecision;
CREATE TRIGGER approval_checker_not_maker BEFORE INSERT ON core_approvaldecision
    FOR EACH ROW EXECUTE FUNCTION xfq_approval_decision_guard();

-- An approval takes effect only with as many agreeing checkers as it needs.
CREATE OR REPLACE FUNCTION xfq_approval_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    agreed bigint;
    refused bigint;
BEGIN
    IF NEW.depth <> OLD.depth OR NEW.amount_fen <> OLD.amount_fen
       OR NEW.owner_region <> OLD.owner_region THEN
        RAISE EXCEPTION 'approval_frozen: depth, amount and region are fixed at submission'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'approval_frozen';
    END IF;
    IF NEW.state = 'APPROVED' AND OLD.state <> 'APPROVED' THEN
        SELECT count(*) FILTER (WHERE d.agreed), count(*) FILTER (WHERE NOT d.agreed)
          INTO agreed, refused FROM core_approvaldecision d WHERE d.approval_id = NEW.id;
        IF agreed < NEW.depth OR refused > 0 THEN
            RAISE EXCEPTION 'approval_depth: % of % agreed', agreed, NEW.depth
                USING ERRCODE = 'check_violation', CONSTRAINT = 'approval_depth';
        END IF;
    END IF;
    RETURN NEW;
END $$;

DROP TRIGGER IF EXISTS approval_depth ON core_approval;
CREATE TRIGGER approval_depth BEFORE UPDATE ON core_approval
    FOR EACH ROW EXECUTE FUNCTION xfq_approval_guard();

-- Born pending: nobody inserts an approval that is already decided.
CREATE OR REPLACE FUNCTION xfq_approval_born_pending() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'PENDING' OR NEW.depth < 1 THEN
        RAISE EXCEPTION 'approval_born_pending: an approval starts pending with a depth of 1 or more'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'approval_born_pending';
    END IF;
    RETURN NEW;
END $$;

DROP TRIGGER IF EXISTS approval_born_pending ON core_approval;
CREATE TRIGGER approval_born_pending BEFORE INSERT ON core_approval
    FOR EACH ROW EXECUTE FUNCTION xfq_approval_born_pending();
