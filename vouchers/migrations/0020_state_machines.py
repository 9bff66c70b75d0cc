"""The moves of states are the triggers' own conditions; groups are locked and read one by one."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("vouchers", "0019_leftovers"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="audiencesnapshot",
            name="states",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="controlentry",
            name="states",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="grant",
            name="states",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="quotarelease",
            name="states",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="voucher",
            name="states",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="audiencesnapshot",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ':' || NEW.state) NOT IN ('CHECKING:DRAFT', 'CHECKING:REFUSED', 'DRAFT:SUBMITTED', 'DRAFT:CANCELLED', 'SUBMITTED:DRAFT', 'SUBMITTED:APPROVED'))",
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{CHECKING:DRAFT,CHECKING:REFUSED,DRAFT:SUBMITTED,DRAFT:CANCELLED,SUBMITTED:DRAFT,SUBMITTED:APPROVED}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="a758150e0798e61509460a62c8cbb84de0b1aa8b",
                    operation="UPDATE",
                    pgid="pgtrigger_states_d3572",
                    table="vouchers_audiencesnapshot",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="controlentry",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ':' || NEW.state) NOT IN ('SUBMITTED:IN_FORCE', 'SUBMITTED:REJECTED', 'IN_FORCE:LIFTED'))",
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{SUBMITTED:IN_FORCE,SUBMITTED:REJECTED,IN_FORCE:LIFTED}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="1eb7c1fec1ff3dd55c02c82c6baaf6e89a186e69",
                    operation="UPDATE",
                    pgid="pgtrigger_states_bc4b4",
                    table="vouchers_controlentry",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="grant",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ':' || NEW.state) NOT IN ('CHECKING:DRAFT', 'CHECKING:REFUSED', 'DRAFT:SUBMITTED', 'DRAFT:CANCELLED', 'SUBMITTED:DRAFT', 'SUBMITTED:GRANTING', 'GRANTING:DONE'))",
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{CHECKING:DRAFT,CHECKING:REFUSED,DRAFT:SUBMITTED,DRAFT:CANCELLED,SUBMITTED:DRAFT,SUBMITTED:GRANTING,GRANTING:DONE}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="4ad21216377a3644aace445008a71bc606f6ca04",
                    operation="UPDATE",
                    pgid="pgtrigger_states_96d87",
                    table="vouchers_grant",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="quotarelease",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ':' || NEW.state) NOT IN ('PLANNED:OPEN', 'PLANNED:CANCELLED', 'OPEN:CLOSED'))",
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{PLANNED:OPEN,PLANNED:CANCELLED,OPEN:CLOSED}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="e3fdb1c7de09a588636b4046120e72b4d3380f38",
                    operation="UPDATE",
                    pgid="pgtrigger_states_5b827",
                    table="vouchers_quotarelease",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="voucher",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ':' || NEW.state) NOT IN ('ACTIVE:HELD', 'HELD:REDEEMED', 'HELD:ACTIVE', 'ACTIVE:EXPIRED', 'ACTIVE:VOIDED', 'ACTIVE:FROZEN', 'FROZEN:ACTIVE', 'FROZEN:VOIDED', 'FROZEN:EXPIRED', 'REDEEMED:ACTIVE', 'REDEEMED:VOIDED', 'REDEEMED:EXPIRED'))",
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{ACTIVE:HELD,HELD:REDEEMED,HELD:ACTIVE,ACTIVE:EXPIRED,ACTIVE:VOIDED,ACTIVE:FROZEN,FROZEN:ACTIVE,FROZEN:VOIDED,FROZEN:EXPIRED,REDEEMED:ACTIVE,REDEEMED:VOIDED,REDEEMED:EXPIRED}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="308d82038cd860fdd01edd1d1b5235a6e04aef29",
                    operation="UPDATE",
                    pgid="pgtrigger_states_13c8d",
                    table="vouchers_voucher",
                    when="BEFORE",
                ),
            ),
        ),
        run_sql_file("vouchers", "vouchers_locks"),
        run_sql_file("vouchers", "vouchers_limit_reads"),
        run_sql_file("vouchers", "vouchers_claim"),
        run_sql_file("vouchers", "vouchers_claim_reads"),
    ]
