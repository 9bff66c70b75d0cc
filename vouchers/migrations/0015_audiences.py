"""Audiences (定向人群), their lists, and the read that claims ask of them."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import core.ids
from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0007_parts_in_integers"),
        ("vouchers", "0014_caps"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AudienceMember",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "snapshot_id",
                        "key_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("snapshot_id", models.UUIDField(verbose_name="人群名单")),
                ("key_id", models.BigIntegerField(verbose_name="身份标识")),
            ],
            options={
                "verbose_name": "人群成员",
                "verbose_name_plural": "人群成员",
            },
        ),
        migrations.CreateModel(
            name="AudienceSnapshot",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="期次")),
                (
                    "mode",
                    models.CharField(
                        choices=[("REPLACE", "全量"), ("ADD", "增补"), ("REMOVE", "剔除")],
                        default="REPLACE",
                        max_length=7,
                        verbose_name="更新方式",
                    ),
                ),
                ("name", models.CharField(max_length=120, verbose_name="名单文件或条件")),
                ("segment", models.CharField(blank=True, max_length=20, verbose_name="筛选条件")),
                ("parameters", models.JSONField(blank=True, default=dict, verbose_name="筛选参数")),
                (
                    "source_sha256",
                    models.CharField(max_length=64, verbose_name="文件或参数摘要（SHA-256）"),
                ),
                (
                    "members_sha256",
                    models.CharField(blank=True, max_length=64, verbose_name="成员摘要（SHA-256）"),
                ),
                ("rows", models.PositiveIntegerField(default=0, verbose_name="名单行数")),
                ("members", models.PositiveIntegerField(default=0, verbose_name="成员数")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("CHECKING", "名单校验中"),
                            ("DRAFT", "待提交"),
                            ("REFUSED", "名单无效"),
                            ("SUBMITTED", "待复核"),
                            ("CANCELLED", "已作废"),
                            ("APPROVED", "已批准"),
                        ],
                        default="CHECKING",
                        max_length=9,
                        verbose_name="状态",
                    ),
                ),
                (
                    "owner_region",
                    models.CharField(db_index=True, max_length=6, verbose_name="归属地区"),
                ),
                ("created_at", models.DateTimeField(verbose_name="创建时间")),
                (
                    "in_force_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="生效时间"),
                ),
            ],
            options={
                "verbose_name": "人群名单",
                "verbose_name_plural": "人群名单",
                "ordering": ("-created_at", "pk"),
            },
        ),
        migrations.CreateModel(
            name="Audience",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("code", models.CharField(max_length=40, unique=True, verbose_name="人群代码")),
                ("name", models.CharField(max_length=40, verbose_name="人群名称")),
                (
                    "kind",
                    models.CharField(
                        choices=[("LIST", "名单"), ("SEGMENT", "条件筛选")],
                        max_length=7,
                        verbose_name="产生方式",
                    ),
                ),
                (
                    "key_kind",
                    models.CharField(
                        choices=[("DOCUMENT", "证件"), ("MOBILE", "手机号")],
                        default="DOCUMENT",
                        max_length=8,
                        verbose_name="名单标识",
                    ),
                ),
                (
                    "owner_region",
                    models.CharField(db_index=True, max_length=6, verbose_name="归属地区"),
                ),
                ("created_at", models.DateTimeField(verbose_name="创建时间")),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="经办人",
                    ),
                ),
            ],
            options={
                "verbose_name": "定向人群",
                "verbose_name_plural": "定向人群",
                "ordering": ("code",),
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="audiencemember",
            trigger=pgtrigger.compiler.Trigger(
                name="no_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="61363d3e95753e3721dbcc4201ab901e4e9306da",
                    operation="UPDATE",
                    pgid="pgtrigger_no_update_80387",
                    table="vouchers_audiencemember",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="audiencemember",
            trigger=pgtrigger.compiler.Trigger(
                name="while_checked",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    PERFORM 1 FROM vouchers_audiencesnapshot s\n      WHERE s.id IN (SELECT snapshot_id FROM added) ORDER BY s.id FOR SHARE;\n    IF EXISTS (SELECT 1 FROM added m\n                 LEFT JOIN vouchers_audiencesnapshot s ON s.id = m.snapshot_id\n                WHERE s.id IS NULL OR s.state NOT IN ('CHECKING')) THEN\n        RAISE EXCEPTION 'the list of the audience is frozen' USING ERRCODE = 'check_violation';\n    END IF;\n    RETURN NULL;\n",
                    hash="b88116d00298559a7b16a0b1504e094012683b18",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_while_checked_4c9a9",
                    referencing="REFERENCING NEW TABLE AS added ",
                    table="vouchers_audiencemember",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="audiencemember",
            trigger=pgtrigger.compiler.Trigger(
                name="given_up",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    PERFORM 1 FROM vouchers_audiencesnapshot s\n      WHERE s.id IN (SELECT snapshot_id FROM gone) ORDER BY s.id FOR SHARE;\n    IF EXISTS (SELECT 1 FROM gone m\n                 LEFT JOIN vouchers_audiencesnapshot s ON s.id = m.snapshot_id\n                WHERE s.id IS NULL OR s.state NOT IN ('CHECKING', 'REFUSED', 'CANCELLED')) THEN\n        RAISE EXCEPTION 'the list of the audience is frozen' USING ERRCODE = 'check_violation';\n    END IF;\n    RETURN NULL;\n",
                    hash="1d23c3a31691d005f9cce1b963548b61715cecde",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_given_up_d29a8",
                    referencing="REFERENCING OLD TABLE AS gone ",
                    table="vouchers_audiencemember",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="audiencesnapshot",
            name="approval",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="core.approval",
                verbose_name="审批",
            ),
        ),
        migrations.AddField(
            model_name="audiencesnapshot",
            name="audience",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="snapshots",
                to="vouchers.audience",
                verbose_name="定向人群",
            ),
        ),
        migrations.AddField(
            model_name="audiencesnapshot",
            name="base",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="vouchers.audiencesnapshot",
                verbose_name="基于期次",
            ),
        ),
        migrations.AddField(
            model_name="audiencesnapshot",
            name="check_job",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="core.job",
                verbose_name="校验任务",
            ),
        ),
        migrations.AddField(
            model_name="audiencesnapshot",
            name="created_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="经办人",
            ),
        ),
        migrations.AddConstraint(
            model_name="audience",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind", "LIST"),
                    models.Q(("key_kind", "DOCUMENT"), ("kind", "SEGMENT")),
                    _connector="OR",
                ),
                name="audience_key_kind",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="audience",
            trigger=pgtrigger.compiler.Trigger(
                name="no_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="4bc4b8a22a1b2c285fbd25264187ae59e9a88b8e",
                    operation="DELETE",
                    pgid="pgtrigger_no_delete_ee57e",
                    table="vouchers_audience",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="audience",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="bb79d381184ae10435ae91127ae3f41d3c4e1737",
                    operation="UPDATE",
                    pgid="pgtrigger_frozen_a2e4f",
                    table="vouchers_audience",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="audiencesnapshot",
            index=models.Index(
                models.F("audience"),
                models.OrderBy(models.F("in_force_at"), descending=True),
                condition=models.Q(("state", "APPROVED")),
                name="audience_in_force",
            ),
        ),
        migrations.AddConstraint(
            model_name="audiencesnapshot",
            constraint=models.UniqueConstraint(
                fields=("audience", "number"), name="audience_snapshot_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="audiencesnapshot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("approval__isnull", False),
                        ("in_force_at__isnull", False),
                        ("state", "APPROVED"),
                    ),
                    models.Q(
                        models.Q(("state", "APPROVED"), _negated=True),
                        ("in_force_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="audience_snapshot_approved",
            ),
        ),
        migrations.AddConstraint(
            model_name="audiencesnapshot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ("CHECKING", "REFUSED")), ("members__gte", 1), _connector="OR"
                ),
                name="audience_snapshot_members",
            ),
        ),
        migrations.AddConstraint(
            model_name="audiencesnapshot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("base__isnull", True), ("mode", "REPLACE")),
                    models.Q(models.Q(("mode", "REPLACE"), _negated=True), ("base__isnull", False)),
                    _connector="OR",
                ),
                name="audience_snapshot_base",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="audiencesnapshot",
            trigger=pgtrigger.compiler.Trigger(
                name="no_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="cbf159b7015cb4c0ae9bd32ed40464c1e315f7f5",
                    operation="DELETE",
                    pgid="pgtrigger_no_delete_ef966",
                    table="vouchers_audiencesnapshot",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="audiencesnapshot",
            trigger=pgtrigger.compiler.Trigger(
                name="born_unchecked",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NOT (NEW.\"state\" = 'CHECKING'))",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot insert rows from % table', TG_TABLE_NAME;",
                    hash="b8307a4ea4a9a2df1e97fccdaa94a0699fd8bd54",
                    operation="INSERT",
                    pgid="pgtrigger_born_unchecked_71cd5",
                    table="vouchers_audiencesnapshot",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="audiencesnapshot",
            trigger=pgtrigger.compiler.Trigger(
                name="states",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{CHECKING:DRAFT,CHECKING:REFUSED,DRAFT:SUBMITTED,DRAFT:CANCELLED,SUBMITTED:DRAFT,SUBMITTED:APPROVED}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="253c2bb5b841a1f46d25cc784496e8e00792a1ee",
                    operation="UPDATE",
                    pgid="pgtrigger_states_d3572",
                    table="vouchers_audiencesnapshot",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="audiencesnapshot",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."audience_id" IS DISTINCT FROM (NEW."audience_id") OR OLD."number" IS DISTINCT FROM (NEW."number") OR OLD."mode" IS DISTINCT FROM (NEW."mode") OR OLD."base_id" IS DISTINCT FROM (NEW."base_id") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."segment" IS DISTINCT FROM (NEW."segment") OR OLD."parameters" IS DISTINCT FROM (NEW."parameters") OR OLD."source_sha256" IS DISTINCT FROM (NEW."source_sha256") OR OLD."owner_region" IS DISTINCT FROM (NEW."owner_region") OR OLD."created_by_id" IS DISTINCT FROM (NEW."created_by_id") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="b90263e2000dd8b088cc23069c9a099dffde693b",
                    operation="UPDATE",
                    pgid="pgtrigger_frozen_5d694",
                    table="vouchers_audiencesnapshot",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="audiencesnapshot",
            trigger=pgtrigger.compiler.Trigger(
                name="counted_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (NOT (OLD."state" = \'CHECKING\') AND (OLD."rows" IS DISTINCT FROM (NEW."rows") OR OLD."members" IS DISTINCT FROM (NEW."members") OR OLD."members_sha256" IS DISTINCT FROM (NEW."members_sha256")))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="4a8415b1115ee19d419d21f1eb995641d1cbf1e8",
                    operation="UPDATE",
                    pgid="pgtrigger_counted_once_dd6c1",
                    table="vouchers_audiencesnapshot",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="audiencesnapshot",
            trigger=pgtrigger.compiler.Trigger(
                name="approved_frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.\"state\" = 'APPROVED')",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="fa48a338dfe7d7b96eb024b2dbb428270b37e440",
                    operation="UPDATE",
                    pgid="pgtrigger_approved_frozen_5d8f8",
                    table="vouchers_audiencesnapshot",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="audiencesnapshot",
            trigger=pgtrigger.compiler.Trigger(
                name="in_order",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.\"state\" = 'APPROVED')",
                    func="\n                    PERFORM 1 FROM vouchers_audience WHERE id = NEW.audience_id FOR NO KEY UPDATE;\n                    IF EXISTS (SELECT 1 FROM vouchers_audiencesnapshot s\n                                WHERE s.audience_id = NEW.audience_id AND s.state = 'APPROVED'\n                                  AND (s.number >= NEW.number\n                                       OR s.in_force_at >= NEW.in_force_at)) THEN\n                        RAISE EXCEPTION 'a newer list of the audience is in force'\n                            USING ERRCODE = 'check_violation';\n                    END IF;\n                    RETURN NEW;\n                ",
                    hash="988a46112dcd004d1ff903fa8b3856381dc4c6fd",
                    operation="UPDATE",
                    pgid="pgtrigger_in_order_c3fa0",
                    table="vouchers_audiencesnapshot",
                    when="BEFORE",
                ),
            ),
        ),
        run_sql_file("vouchers", "vouchers_audience"),
    ]
