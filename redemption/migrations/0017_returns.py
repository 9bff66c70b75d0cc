"""Return vouchers for purchases, and payment codes that a purchase without a voucher uses."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import core.ids
from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0008_outbox_by_functions"),
        ("redemption", "0016_earmarks_and_bank_offers"),
        ("vouchers", "0014_caps"),
    ]

    operations = [
        migrations.CreateModel(
            name="Reward",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[("REDEMPTION", "核销"), ("TRANSACTION", "商户交易")],
                        max_length=11,
                        verbose_name="来源",
                    ),
                ),
                ("source_id", models.UUIDField(verbose_name="来源单")),
                (
                    "claim_id",
                    models.UUIDField(blank=True, null=True, unique=True, verbose_name="领取记录"),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("ISSUED", "已返券"),
                            ("REFUSED", "未返券"),
                            ("VOIDED", "已收回"),
                            ("FLAGGED", "已用待核"),
                        ],
                        max_length=8,
                        verbose_name="状态",
                    ),
                ),
                ("refusals", models.JSONField(default=list, verbose_name="未返原因")),
                ("order_fen", models.BigIntegerField(verbose_name="订单金额（分）")),
                ("from_fen", models.BigIntegerField(verbose_name="返券起点（分）")),
                (
                    "owner_region",
                    models.CharField(db_index=True, max_length=6, verbose_name="归属地区"),
                ),
                ("at", models.DateTimeField(verbose_name="返券时间")),
                (
                    "reversed_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="消费退款时间"),
                ),
            ],
            options={
                "verbose_name": "消费返券",
                "verbose_name_plural": "消费返券",
                "ordering": ("-at", "pk"),
            },
        ),
        migrations.RemoveConstraint(
            model_name="paymentcode",
            name="payment_code_used_by",
        ),
        migrations.AddField(
            model_name="paymentcode",
            name="transaction_id",
            field=models.UUIDField(blank=True, null=True, verbose_name="商户交易"),
        ),
        migrations.AlterField(
            model_name="exceptionitem",
            name="kind",
            field=models.CharField(
                choices=[
                    ("LATE_CONFIRM", "超时后到达的核销"),
                    ("PAYOUT_RETURNED", "划付退汇"),
                    ("PARKED_MESSAGE", "搁置的消息"),
                    ("RETURN_USED", "消费已退而返券已用"),
                    ("MISSING_FILE", "对账文件缺失"),
                ],
                max_length=16,
                verbose_name="类型",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentcode",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("redemption_id__isnull", True),
                        ("transaction_id__isnull", True),
                        ("used_at__isnull", True),
                    ),
                    models.Q(
                        ("redemption_id__isnull", False),
                        ("transaction_id__isnull", True),
                        ("used_at__isnull", False),
                    ),
                    models.Q(
                        ("redemption_id__isnull", True),
                        ("transaction_id__isnull", False),
                        ("used_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="payment_code_used_by",
            ),
        ),
        migrations.AddField(
            model_name="reward",
            name="batch",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="rewards",
                to="vouchers.batch",
                verbose_name="券批次",
            ),
        ),
        migrations.AddField(
            model_name="reward",
            name="enrolment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="vouchers.enrolment",
                verbose_name="渠道用户",
            ),
        ),
        migrations.AddIndex(
            model_name="reward",
            index=models.Index(
                condition=models.Q(
                    ("reversed_at__isnull", False), ("state__in", ("ISSUED", "FLAGGED"))
                ),
                fields=["reversed_at"],
                name="reward_reversed",
            ),
        ),
        migrations.AddConstraint(
            model_name="reward",
            constraint=models.UniqueConstraint(
                fields=("source", "source_id", "batch"), name="reward_once_per_purchase"
            ),
        ),
        migrations.AddConstraint(
            model_name="reward",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("claim_id__isnull", True),
                        ("reversed_at__isnull", True),
                        ("state", "REFUSED"),
                    ),
                    models.Q(("claim_id__isnull", False), ("state", "ISSUED")),
                    models.Q(
                        ("claim_id__isnull", False),
                        ("reversed_at__isnull", False),
                        ("state__in", ("VOIDED", "FLAGGED")),
                    ),
                    _connector="OR",
                ),
                name="reward_state",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reward",
            trigger=pgtrigger.compiler.Trigger(
                name="no_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="08df7f94204844f9453fc284a9412ab053d1e8a2",
                    operation="DELETE",
                    pgid="pgtrigger_no_delete_b010f",
                    table="redemption_reward",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reward",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{ISSUED:VOIDED,ISSUED:FLAGGED,FLAGGED:VOIDED}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="ee32da0d4f1b11f44b8983fecebb1a388b2a48df",
                    operation="UPDATE",
                    pgid="pgtrigger_states_bb105",
                    table="redemption_reward",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reward",
            trigger=pgtrigger.compiler.Trigger(
                name="facts_frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."source" IS DISTINCT FROM (NEW."source") OR OLD."source_id" IS DISTINCT FROM (NEW."source_id") OR OLD."batch_id" IS DISTINCT FROM (NEW."batch_id") OR OLD."enrolment_id" IS DISTINCT FROM (NEW."enrolment_id") OR OLD."claim_id" IS DISTINCT FROM (NEW."claim_id") OR OLD."refusals" IS DISTINCT FROM (NEW."refusals") OR OLD."order_fen" IS DISTINCT FROM (NEW."order_fen") OR OLD."from_fen" IS DISTINCT FROM (NEW."from_fen") OR OLD."owner_region" IS DISTINCT FROM (NEW."owner_region") OR OLD."at" IS DISTINCT FROM (NEW."at"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="870c0dacc5c150192999e47b064acd7421f67f23",
                    operation="UPDATE",
                    pgid="pgtrigger_facts_frozen_b533a",
                    table="redemption_reward",
                    when="BEFORE",
                ),
            ),
        ),
        run_sql_file("redemption", "redemptions_confirm"),
    ]
