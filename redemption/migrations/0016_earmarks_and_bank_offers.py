"""Vouchers used in part keep the rest of their face until they end; bank offers apart."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0003_rights"),
        ("core", "0007_parts_in_integers"),
        ("merchants", "0003_tills"),
        ("redemption", "0015_refund_fates"),
        ("vouchers", "0010_limits_of_groups"),
    ]

    operations = [
        migrations.CreateModel(
            name="Earmark",
            fields=[
                (
                    "line",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        serialize=False,
                        to="redemption.redemptionline",
                        verbose_name="核销明细",
                    ),
                ),
                ("valid_until", models.DateTimeField(verbose_name="保留至（不含）")),
                (
                    "parts",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        size=None,
                        verbose_name="各方出资（分）",
                    ),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="结束时间")),
            ],
            options={
                "verbose_name": "已用券保留余额",
                "verbose_name_plural": "已用券保留余额",
                "ordering": ("line",),
            },
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="redemption",
            name="frozen",
        ),
        migrations.RemoveConstraint(
            model_name="redemption",
            name="redemption_amounts",
        ),
        migrations.AddField(
            model_name="redemption",
            name="bank_discount_fen",
            field=models.BigIntegerField(
                db_default=0,
                default=0,
                help_text="其余为商户优惠",
                verbose_name="其中银行优惠（分）",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="redemption",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."client_id" IS DISTINCT FROM (NEW."client_id") OR OLD."campaign_id" IS DISTINCT FROM (NEW."campaign_id") OR OLD."enrolment_id" IS DISTINCT FROM (NEW."enrolment_id") OR OLD."voucher_client_id" IS DISTINCT FROM (NEW."voucher_client_id") OR OLD."acquirer_id" IS DISTINCT FROM (NEW."acquirer_id") OR OLD."merchant_id" IS DISTINCT FROM (NEW."merchant_id") OR OLD."store_id" IS DISTINCT FROM (NEW."store_id") OR OLD."terminal_id" IS DISTINCT FROM (NEW."terminal_id") OR OLD."payee_id" IS DISTINCT FROM (NEW."payee_id") OR OLD."whitelist_id" IS DISTINCT FROM (NEW."whitelist_id") OR OLD."owner_region" IS DISTINCT FROM (NEW."owner_region") OR OLD."store_region" IS DISTINCT FROM (NEW."store_region") OR OLD."order_no" IS DISTINCT FROM (NEW."order_no") OR OLD."flow" IS DISTINCT FROM (NEW."flow") OR OLD."card_bin" IS DISTINCT FROM (NEW."card_bin") OR OLD."order_fen" IS DISTINCT FROM (NEW."order_fen") OR OLD."other_discount_fen" IS DISTINCT FROM (NEW."other_discount_fen") OR OLD."bank_discount_fen" IS DISTINCT FROM (NEW."bank_discount_fen") OR OLD."subsidy_fen" IS DISTINCT FROM (NEW."subsidy_fen") OR OLD."payable_fen" IS DISTINCT FROM (NEW."payable_fen") OR OLD."held_at" IS DISTINCT FROM (NEW."held_at") OR OLD."hold_expires_at" IS DISTINCT FROM (NEW."hold_expires_at") OR OLD."limit_uses" IS DISTINCT FROM (NEW."limit_uses"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="544b0830d2e18dd9b2bd32e22de075620b4329b0",
                    operation="UPDATE",
                    pgid="pgtrigger_frozen_75386",
                    table="redemption_redemption",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="redemption",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "order_fen",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                models.F("subsidy_fen"), "+", models.F("other_discount_fen")
                            ),
                            "+",
                            models.F("payable_fen"),
                        ),
                    ),
                    ("subsidy_fen__gt", 0),
                    ("bank_discount_fen__gte", 0),
                    ("other_discount_fen__gte", models.F("bank_discount_fen")),
                    ("payable_fen__gte", 0),
                ),
                name="redemption_amounts",
            ),
        ),
        migrations.AddField(
            model_name="earmark",
            name="batch",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                to="vouchers.batch",
                verbose_name="券批次",
            ),
        ),
        migrations.AddField(
            model_name="earmark",
            name="entry",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="core.entry",
                verbose_name="结束的记账凭证",
            ),
        ),
        migrations.AddField(
            model_name="earmark",
            name="redemption",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="earmarks",
                to="redemption.redemption",
                verbose_name="核销单",
            ),
        ),
        migrations.AddIndex(
            model_name="earmark",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)),
                fields=["valid_until", "batch"],
                name="redemption_earmark_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="earmark",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("entry__isnull", True)),
                    models.Q(("ended_at__isnull", False), ("entry__isnull", False)),
                    _connector="OR",
                ),
                name="redemption_earmark_ended",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="earmark",
            trigger=pgtrigger.compiler.Trigger(
                name="no_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="731170a27e88ae2180c83e9e1b98f58613ec9938",
                    operation="DELETE",
                    pgid="pgtrigger_no_delete_7e5a1",
                    table="redemption_earmark",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="earmark",
            trigger=pgtrigger.compiler.Trigger(
                name="ends_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."ended_at" IS NOT NULL)',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="6243c854a306ec082590ca6540fa5fc4ca52d563",
                    operation="UPDATE",
                    pgid="pgtrigger_ends_once_24335",
                    table="redemption_earmark",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="earmark",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."line_id" IS DISTINCT FROM (NEW."line_id") OR OLD."redemption_id" IS DISTINCT FROM (NEW."redemption_id") OR OLD."batch_id" IS DISTINCT FROM (NEW."batch_id") OR OLD."valid_until" IS DISTINCT FROM (NEW."valid_until") OR OLD."parts" IS DISTINCT FROM (NEW."parts"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="9d63eb0d3b0724d59fc28907a9a0690e8b123e26",
                    operation="UPDATE",
                    pgid="pgtrigger_frozen_682c4",
                    table="redemption_earmark",
                    when="BEFORE",
                ),
            ),
        ),
        run_sql_file("redemption", "redemption_types"),
        run_sql_file("redemption", "redemptions_hold"),
        run_sql_file("redemption", "redemptions_confirm"),
        migrations.RunSQL("DROP TYPE IF EXISTS redemption_hold_command", migrations.RunSQL.noop),
    ]
