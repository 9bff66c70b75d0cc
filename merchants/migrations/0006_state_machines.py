"""The moves of states are the triggers' own conditions; tills are read in the order written."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("merchants", "0005_transactions"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="merchant",
            name="states",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="merchant",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ':' || NEW.state) NOT IN ('ACTIVE:SUSPENDED', 'SUSPENDED:ACTIVE', 'ACTIVE:REMOVED', 'SUSPENDED:REMOVED'))",
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{ACTIVE:SUSPENDED,SUSPENDED:ACTIVE,ACTIVE:REMOVED,SUSPENDED:REMOVED}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="37c20c0b8836e904d1390076377cd2a4bba0b608",
                    operation="UPDATE",
                    pgid="pgtrigger_states_a105c",
                    table="merchants_merchant",
                    when="BEFORE",
                ),
            ),
        ),
        run_sql_file("merchants", "merchants_tills"),
    ]
