"""Purchases that acquirers and channels report."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0008_outbox_by_functions"),
        ("merchants", "0004_brand_codes"),
    ]

    operations = [
        migrations.CreateModel(
            name="Transaction",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("idempotency_key", models.CharField(max_length=64, verbose_name="请求流水号")),
                ("fingerprint", models.CharField(max_length=64, verbose_name="请求摘要")),
                ("transaction_no", models.CharField(max_length=64, verbose_name="交易号")),
                (
                    "kind",
                    models.CharField(
                        choices=[("PURCHASE", "消费"), ("REFUND", "退款")],
                        max_length=8,
                        verbose_name="类型",
                    ),
                ),
                (
                    "owner_region",
                    models.CharField(db_index=True, max_length=6, verbose_name="归属地区"),
                ),
                (
                    "store_region",
                    models.CharField(db_index=True, max_length=6, verbose_name="门店地区"),
                ),
                ("flow", models.CharField(max_length=16, verbose_name="支付方式")),
                ("card_bin", models.CharField(blank=True, max_length=8, verbose_name="卡号前缀")),
                ("order_fen", models.BigIntegerField(verbose_name="订单金额（分）")),
                ("refunded_fen", models.BigIntegerField(default=0, verbose_name="已退金额（分）")),
                ("traded_at", models.DateTimeField(verbose_name="交易时间")),
                ("at", models.DateTimeField(verbose_name="上报时间")),
                (
                    "acquirer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="merchants.acquirer",
                        verbose_name="收单机构",
                    ),
                ),
                (
                    "client",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.client",
                        verbose_name="上报接入方",
                    ),
                ),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="merchants.merchant",
                        verbose_name="商户",
                    ),
                ),
                (
                    "original",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to="merchants.transaction",
                        verbose_name="原交易",
                    ),
                ),
                (
                    "store",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transactions",
                        to="merchants.store",
                        verbose_name="门店",
                    ),
                ),
                (
                    "terminal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="merchants.terminal",
                        verbose_name="终端",
                    ),
                ),
            ],
            options={
                "verbose_name": "商户交易",
                "verbose_name_plural": "商户交易",
                "ordering": ("-at", "pk"),
                "indexes": [
                    models.Index(fields=["store", "traded_at"], name="transaction_store_at")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("client", "idempotency_key"), name="transaction_key_once"
                    ),
                    models.UniqueConstraint(
                        fields=("client", "transaction_no"), name="transaction_number_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("order_fen__gt", 0),
                            ("refunded_fen__gte", 0),
                            ("refunded_fen__lte", models.F("order_fen")),
                        ),
                        name="transaction_amounts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "PURCHASE"), ("original__isnull", True)),
                            models.Q(
                                ("kind", "REFUND"), ("original__isnull", False), ("refunded_fen", 0)
                            ),
                            _connector="OR",
                        ),
                        name="transaction_original",
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="transaction",
            trigger=pgtrigger.compiler.Trigger(
                name="no_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="e9b99bde883a37711528b38557269ebe7d1fceb0",
                    operation="DELETE",
                    pgid="pgtrigger_no_delete_e9c87",
                    table="merchants_transaction",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="transaction",
            trigger=pgtrigger.compiler.Trigger(
                name="facts_frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."client_id" IS DISTINCT FROM (NEW."client_id") OR OLD."idempotency_key" IS DISTINCT FROM (NEW."idempotency_key") OR OLD."fingerprint" IS DISTINCT FROM (NEW."fingerprint") OR OLD."transaction_no" IS DISTINCT FROM (NEW."transaction_no") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."original_id" IS DISTINCT FROM (NEW."original_id") OR OLD."acquirer_id" IS DISTINCT FROM (NEW."acquirer_id") OR OLD."merchant_id" IS DISTINCT FROM (NEW."merchant_id") OR OLD."store_id" IS DISTINCT FROM (NEW."store_id") OR OLD."terminal_id" IS DISTINCT FROM (NEW."terminal_id") OR OLD."owner_region" IS DISTINCT FROM (NEW."owner_region") OR OLD."store_region" IS DISTINCT FROM (NEW."store_region") OR OLD."flow" IS DISTINCT FROM (NEW."flow") OR OLD."card_bin" IS DISTINCT FROM (NEW."card_bin") OR OLD."order_fen" IS DISTINCT FROM (NEW."order_fen") OR OLD."traded_at" IS DISTINCT FROM (NEW."traded_at") OR OLD."at" IS DISTINCT FROM (NEW."at"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="edfd7308bc7632b7b27448007312649a68b7fa3b",
                    operation="UPDATE",
                    pgid="pgtrigger_facts_frozen_12e34",
                    table="merchants_transaction",
                    when="BEFORE",
                ),
            ),
        ),
    ]
