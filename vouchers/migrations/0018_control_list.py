"""The control list: keys from which nothing is claimed for a while."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import core.ids
from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0008_outbox_by_functions"),
        ("vouchers", "0017_devices"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ControlEntry",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("reason", models.TextField(verbose_name="列入理由")),
                (
                    "owner_region",
                    models.CharField(db_index=True, max_length=6, verbose_name="管控地区"),
                ),
                ("valid_from", models.DateTimeField(verbose_name="起始时间")),
                ("valid_until", models.DateTimeField(verbose_name="截止时间（不含）")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("SUBMITTED", "待复核"),
                            ("IN_FORCE", "管控中"),
                            ("REJECTED", "未通过"),
                            ("LIFTED", "已解除"),
                        ],
                        default="SUBMITTED",
                        max_length=9,
                        verbose_name="状态",
                    ),
                ),
                ("created_at", models.DateTimeField(verbose_name="提交时间")),
                ("lifted_at", models.DateTimeField(blank=True, null=True, verbose_name="解除时间")),
                (
                    "approval",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.approval",
                        verbose_name="列入审批",
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.case",
                        verbose_name="核查单",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="经办人",
                    ),
                ),
                (
                    "key",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        to="vouchers.identitykey",
                        verbose_name="身份标识",
                    ),
                ),
                (
                    "lift_approval",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.approval",
                        verbose_name="解除审批",
                    ),
                ),
            ],
            options={
                "verbose_name": "风控名单",
                "verbose_name_plural": "风控名单",
                "ordering": ("-created_at", "pk"),
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "IN_FORCE")),
                        fields=["key"],
                        name="control_in_force",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "SUBMITTED")),
                        fields=("key", "owner_region"),
                        name="control_one_submitted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("valid_until__gt", models.F("valid_from"))),
                        name="control_period",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="control_reasoned"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("approval__isnull", True), ("state__in", ("SUBMITTED", "REJECTED"))
                            ),
                            models.Q(
                                ("approval__isnull", False), ("state__in", ("IN_FORCE", "LIFTED"))
                            ),
                            _connector="OR",
                        ),
                        name="control_approved",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("lift_approval__isnull", False),
                                ("lifted_at__isnull", False),
                                ("state", "LIFTED"),
                            ),
                            models.Q(
                                models.Q(("state", "LIFTED"), _negated=True),
                                ("lift_approval__isnull", True),
                                ("lifted_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="control_lifted",
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="controlentry",
            trigger=pgtrigger.compiler.Trigger(
                name="no_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="b6731a9ca7f354646086689a493c6015d42f43a1",
                    operation="DELETE",
                    pgid="pgtrigger_no_delete_c105c",
                    table="vouchers_controlentry",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="controlentry",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{SUBMITTED:IN_FORCE,SUBMITTED:REJECTED,IN_FORCE:LIFTED}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="b451380d240b3c55b80b91fe252cd9a31a1c4af9",
                    operation="UPDATE",
                    pgid="pgtrigger_states_bc4b4",
                    table="vouchers_controlentry",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="controlentry",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."key_id" IS DISTINCT FROM (NEW."key_id") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."owner_region" IS DISTINCT FROM (NEW."owner_region") OR OLD."valid_from" IS DISTINCT FROM (NEW."valid_from") OR OLD."valid_until" IS DISTINCT FROM (NEW."valid_until") OR OLD."case_id" IS DISTINCT FROM (NEW."case_id") OR OLD."created_by_id" IS DISTINCT FROM (NEW."created_by_id") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="06bc33f09f9ab7ee8e5b7f4aff50fd1f4b3c787e",
                    operation="UPDATE",
                    pgid="pgtrigger_frozen_af153",
                    table="vouchers_controlentry",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="controlentry",
            trigger=pgtrigger.compiler.Trigger(
                name="approved",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n                    IF TG_OP = 'INSERT' AND NEW.state <> 'SUBMITTED' THEN\n                        RAISE EXCEPTION 'an entry of the control list starts submitted'\n                            USING ERRCODE = 'check_violation';\n                    END IF;\n                    IF EXISTS (\n                        SELECT 1 FROM (VALUES (NEW.approval_id, 'voucher.control'),\n                                              (NEW.lift_approval_id, 'voucher.control_lift'))\n                                      AS given(id, kind)\n                         WHERE given.id IS NOT NULL AND NOT EXISTS (\n                            SELECT 1 FROM core_approval a\n                             WHERE a.id = given.id AND a.kind = given.kind\n                               AND a.state = 'APPROVED' AND a.subject_id = NEW.id::text)) THEN\n                        RAISE EXCEPTION 'an entry of the control list needs its own approval'\n                            USING ERRCODE = 'check_violation';\n                    END IF;\n                    RETURN NEW;\n                ",
                    hash="ca89eadbefd512f028954639c11dfaf48d850081",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_approved_cab81",
                    table="vouchers_controlentry",
                    when="BEFORE",
                ),
            ),
        ),
        run_sql_file("vouchers", "vouchers_claim"),
    ]
