"""Waves keep units for channels; what those have not used falls back to everybody."""

import django.contrib.postgres.fields
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("vouchers", "0012_packs"),
    ]

    operations = [
        migrations.AddField(
            model_name="quotarelease",
            name="channel_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(),
                blank=True,
                default=list,
                size=None,
                verbose_name="渠道",
            ),
        ),
        migrations.AddField(
            model_name="quotarelease",
            name="channel_units",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(),
                blank=True,
                default=list,
                size=None,
                verbose_name="渠道计划张数",
            ),
        ),
        migrations.AddField(
            model_name="quotarelease",
            name="fall_back_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="渠道额度回流时点"),
        ),
        migrations.AddField(
            model_name="quotarelease",
            name="fallen_units",
            field=models.BigIntegerField(default=0, verbose_name="回流张数"),
        ),
        migrations.AddField(
            model_name="quotarelease",
            name="fell_back_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="渠道额度回流时间"),
        ),
        migrations.AddIndex(
            model_name="quotarelease",
            index=models.Index(
                condition=models.Q(
                    ("fall_back_at__isnull", False),
                    ("fell_back_at__isnull", True),
                    ("state", "OPEN"),
                ),
                fields=["fall_back_at"],
                name="release_falls_back",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="quotarelease",
            trigger=pgtrigger.compiler.Trigger(
                name="plan_frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (NOT (OLD."state" = \'PLANNED\') AND (OLD."planned_units" IS DISTINCT FROM (NEW."planned_units") OR OLD."channel_ids" IS DISTINCT FROM (NEW."channel_ids") OR OLD."channel_units" IS DISTINCT FROM (NEW."channel_units") OR OLD."fall_back_at" IS DISTINCT FROM (NEW."fall_back_at")))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="e6c6461d58dc3e846930f4fce1610ae782f7ea06",
                    operation="UPDATE",
                    pgid="pgtrigger_plan_frozen_cf280",
                    table="vouchers_quotarelease",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="quotarelease",
            trigger=pgtrigger.compiler.Trigger(
                name="falls_back_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."fell_back_at" IS NOT NULL AND (OLD."fell_back_at" IS DISTINCT FROM (NEW."fell_back_at") OR OLD."fallen_units" IS DISTINCT FROM (NEW."fallen_units")))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="844f229d5c0f392c85371a434d15f5649f5ef5f1",
                    operation="UPDATE",
                    pgid="pgtrigger_falls_back_once_0f738",
                    table="vouchers_quotarelease",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="quotarelease",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("channel_units__len", models.F("channel_ids__len")),
                    models.Q(
                        ("fall_back_at__isnull", True),
                        ("fall_back_at__gt", models.F("slot")),
                        _connector="OR",
                    ),
                ),
                name="release_channels",
            ),
        ),
        migrations.AddConstraint(
            model_name="quotarelease",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("fallen_units", 0), ("fell_back_at__isnull", True)),
                    models.Q(
                        ("fall_back_at__isnull", False),
                        ("fallen_units__gte", 0),
                        ("fell_back_at__gte", models.F("fall_back_at")),
                    ),
                    _connector="OR",
                ),
                name="release_fell_back",
            ),
        ),
        run_sql_file("vouchers", "vouchers_slices"),
        run_sql_file("vouchers", "vouchers_claim"),
        run_sql_file("vouchers", "vouchers_claim_reads"),
    ]
