"""The moves of states are the triggers' own conditions; entries are read once."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0008_outbox_by_functions"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="approval",
            name="states",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="case",
            name="states",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="delivery",
            name="states",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="approval",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ':' || NEW.state) NOT IN ('PENDING:APPROVED', 'PENDING:REJECTED', 'PENDING:WITHDRAWN'))",
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{PENDING:APPROVED,PENDING:REJECTED,PENDING:WITHDRAWN}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="f83d510b4929c8b1706f34b8bb2b46ed59c96b1a",
                    operation="UPDATE",
                    pgid="pgtrigger_states_637e5",
                    table="core_approval",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="case",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ':' || NEW.state) NOT IN ('OPEN:IN_REVIEW', 'OPEN:RELEASED', 'OPEN:UPHELD', 'IN_REVIEW:RELEASED', 'IN_REVIEW:UPHELD'))",
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{OPEN:IN_REVIEW,OPEN:RELEASED,OPEN:UPHELD,IN_REVIEW:RELEASED,IN_REVIEW:UPHELD}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="7016b555db2f32b4da40bb2decadf27d8002a286",
                    operation="UPDATE",
                    pgid="pgtrigger_states_dd5da",
                    table="core_case",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="delivery",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ':' || NEW.state) NOT IN ('PENDING:ACKNOWLEDGED', 'PENDING:PARKED', 'PARKED:PENDING'))",
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{PENDING:ACKNOWLEDGED,PENDING:PARKED,PARKED:PENDING}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="f921d9aa18577f4e91f6542de912ea76054b9050",
                    operation="UPDATE",
                    pgid="pgtrigger_states_70c54",
                    table="core_delivery",
                    when="BEFORE",
                ),
            ),
        ),
        run_sql_file("core", "ledger"),
    ]
