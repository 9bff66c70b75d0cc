"""The moves of states are the triggers' own conditions; fewer indexes, reads as written."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0004_state_machines"),
        ("core", "0009_state_machines"),
        ("merchants", "0006_state_machines"),
        ("redemption", "0018_instants"),
        ("vouchers", "0020_state_machines"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="discrepancy",
            name="states",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="exceptionitem",
            name="states",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="frozenfact",
            name="states",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="payout",
            name="states",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="reconday",
            name="states",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="redemption",
            name="states",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="reward",
            name="states",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="settlementbatch",
            name="states",
        ),
        migrations.AlterField(
            model_name="redemption",
            name="owner_region",
            field=models.CharField(max_length=6, verbose_name="归属地区"),
        ),
        migrations.AlterField(
            model_name="redemption",
            name="store",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                to="merchants.store",
                verbose_name="门店",
            ),
        ),
        migrations.AlterField(
            model_name="redemption",
            name="store_region",
            field=models.CharField(max_length=6, verbose_name="门店地区"),
        ),
        migrations.AlterField(
            model_name="redemptionline",
            name="redemption",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lines",
                to="redemption.redemption",
                verbose_name="核销单",
            ),
        ),
        migrations.AddIndex(
            model_name="redemption",
            index=models.Index(fields=["owner_region"], name="redemption_owner_region"),
        ),
        migrations.AddIndex(
            model_name="redemption",
            index=models.Index(fields=["store_region"], name="redemption_store_region"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="discrepancy",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ':' || NEW.state) NOT IN ('OPEN:EXPLAINED', 'OPEN:SUSPENSE', 'SUSPENSE:EXPLAINED'))",
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{OPEN:EXPLAINED,OPEN:SUSPENSE,SUSPENSE:EXPLAINED}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="3a68de21bc3225d609da822426ae6a3920a2e7f0",
                    operation="UPDATE",
                    pgid="pgtrigger_states_785e8",
                    table="redemption_discrepancy",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="exceptionitem",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ':' || NEW.state) NOT IN ('OPEN:RESOLVED'))",
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{OPEN:RESOLVED}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="78e256fb73b79b364c43428f39365f9e1478fa97",
                    operation="UPDATE",
                    pgid="pgtrigger_states_92be3",
                    table="redemption_exceptionitem",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="frozenfact",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ':' || NEW.state) NOT IN ('ACTIVE:RELEASED', 'ACTIVE:RECOVERED'))",
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{ACTIVE:RELEASED,ACTIVE:RECOVERED}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="d36f2d52c8dfefbd6d179e686c6c0055636d0c8c",
                    operation="UPDATE",
                    pgid="pgtrigger_states_d015b",
                    table="redemption_frozenfact",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="payout",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ':' || NEW.state) NOT IN ('PENDING:SENT', 'SENT:PAID', 'SENT:RETURNED', 'RETURNED:SENT'))",
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{PENDING:SENT,SENT:PAID,SENT:RETURNED,RETURNED:SENT}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="cb6d28a6623b0b2758769f3a9d366a0452a116fd",
                    operation="UPDATE",
                    pgid="pgtrigger_states_a0d70",
                    table="redemption_payout",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reconday",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ':' || NEW.state) NOT IN ('OPEN:CLOSED'))",
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{OPEN:CLOSED}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="0010411407fe6339c9b9ea02bc51c40a48909333",
                    operation="UPDATE",
                    pgid="pgtrigger_states_b0438",
                    table="redemption_reconday",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="redemption",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ':' || NEW.state) NOT IN ('HELD:CONFIRMED', 'HELD:RELEASED', 'HELD:TIMED_OUT', 'TIMED_OUT:CONFIRMED', 'CONFIRMED:CANCELLED'))",
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{HELD:CONFIRMED,HELD:RELEASED,HELD:TIMED_OUT,TIMED_OUT:CONFIRMED,CONFIRMED:CANCELLED}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="543d9e01261578263deed9f5a236554103cf07b9",
                    operation="UPDATE",
                    pgid="pgtrigger_states_b84ed",
                    table="redemption_redemption",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reward",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ':' || NEW.state) NOT IN ('ISSUED:VOIDED', 'ISSUED:FLAGGED', 'FLAGGED:VOIDED'))",
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{ISSUED:VOIDED,ISSUED:FLAGGED,FLAGGED:VOIDED}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="74b93261668a6bcd703b29164e9e5474b720c71d",
                    operation="UPDATE",
                    pgid="pgtrigger_states_bb105",
                    table="redemption_reward",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="settlementbatch",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ':' || NEW.state) NOT IN ('DRAFT:CHECKED', 'CHECKED:APPROVED', 'APPROVED:SENT', 'SENT:PAID', 'SENT:PARTIALLY_PAID', 'PARTIALLY_PAID:SENT', 'DRAFT:REJECTED', 'CHECKED:REJECTED'))",
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{DRAFT:CHECKED,CHECKED:APPROVED,APPROVED:SENT,SENT:PAID,SENT:PARTIALLY_PAID,PARTIALLY_PAID:SENT,DRAFT:REJECTED,CHECKED:REJECTED}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="46fed83e4cf2ef32ec707807e0012297036983fb",
                    operation="UPDATE",
                    pgid="pgtrigger_states_803a0",
                    table="redemption_settlementbatch",
                    when="BEFORE",
                ),
            ),
        ),
        run_sql_file("redemption", "redemption_reads"),
        run_sql_file("redemption", "payment_codes"),
        run_sql_file("redemption", "redemption_locks"),
        run_sql_file("redemption", "redemptions_hold"),
        run_sql_file("redemption", "redemptions_confirm"),
        run_sql_file("redemption", "redemptions_unhold"),
    ]
