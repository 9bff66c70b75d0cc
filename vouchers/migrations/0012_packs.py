"""Packs: several vouchers in one claim, all or nothing."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0003_rights"),
        ("vouchers", "0011_kinds_by_tier"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="batch",
            name="frozen_money",
        ),
        migrations.RemoveConstraint(
            model_name="batch",
            name="batch_funder_list",
        ),
        migrations.AddField(
            model_name="batch",
            name="pack",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="parts",
                to="vouchers.batch",
                verbose_name="所属券包",
            ),
        ),
        migrations.AddField(
            model_name="batch",
            name="pack_quantity",
            field=models.PositiveSmallIntegerField(
                db_default=1, default=1, verbose_name="每包张数"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="batch",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen_money",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."released" > 0 AND (OLD."face_fen" IS DISTINCT FROM (NEW."face_fen") OR OLD."funder_ids" IS DISTINCT FROM (NEW."funder_ids") OR OLD."weights" IS DISTINCT FROM (NEW."weights") OR OLD."concessions" IS DISTINCT FROM (NEW."concessions") OR OLD."pack_id" IS DISTINCT FROM (NEW."pack_id") OR OLD."pack_quantity" IS DISTINCT FROM (NEW."pack_quantity")))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="2079c2878175033e5f81aa023c32ee8d7d88f769",
                    operation="UPDATE",
                    pgid="pgtrigger_frozen_money_dbc36",
                    table="vouchers_batch",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("weights__len", models.F("funder_ids__len")),
                    ("concessions__len", models.F("funder_ids__len")),
                    models.Q(
                        ("funder_ids__len__gte", 1),
                        models.Q(("funder_ids__len", 0), ("kind", "PACK")),
                        _connector="OR",
                    ),
                ),
                name="batch_funder_list",
            ),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("pack__isnull", True), ("pack_quantity", 1)),
                    models.Q(
                        ("pack__isnull", False),
                        ("pack_quantity__gte", 1),
                        models.Q(("kind", "PACK"), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="batch_pack_part",
            ),
        ),
        run_sql_file("vouchers", "vouchers_claim"),
        run_sql_file("vouchers", "vouchers_claim_reads"),
    ]
