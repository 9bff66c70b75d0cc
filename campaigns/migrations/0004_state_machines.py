"""The moves of states are the triggers' own conditions."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0003_rights"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="campaign",
            name="states",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="whitelist",
            name="states",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="campaign",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ':' || NEW.state) NOT IN ('DRAFT:SUBMITTED', 'SUBMITTED:DRAFT', 'SUBMITTED:APPROVED', 'APPROVED:DRAFT', 'APPROVED:LIVE', 'LIVE:PAUSED', 'PAUSED:LIVE', 'LIVE:ENDED', 'PAUSED:ENDED', 'ENDED:CLEARING', 'CLEARING:AUDITED', 'AUDITED:CLOSED'))",
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{DRAFT:SUBMITTED,SUBMITTED:DRAFT,SUBMITTED:APPROVED,APPROVED:DRAFT,APPROVED:LIVE,LIVE:PAUSED,PAUSED:LIVE,LIVE:ENDED,PAUSED:ENDED,ENDED:CLEARING,CLEARING:AUDITED,AUDITED:CLOSED}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="2d4c287db4fbee6c75f921d9c61e1e84bf90ef5b",
                    operation="UPDATE",
                    pgid="pgtrigger_states_acdea",
                    table="campaigns_campaign",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="whitelist",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ':' || NEW.state) NOT IN ('DRAFT:SUBMITTED', 'SUBMITTED:DRAFT', 'SUBMITTED:IN_FORCE', 'IN_FORCE:SUPERSEDED'))",
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{DRAFT:SUBMITTED,SUBMITTED:DRAFT,SUBMITTED:IN_FORCE,IN_FORCE:SUPERSEDED}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="98256504f63a6806ec15c720c7b6cec89c52ac85",
                    operation="UPDATE",
                    pgid="pgtrigger_states_2645f",
                    table="campaigns_whitelist",
                    when="BEFORE",
                ),
            ),
        ),
    ]
