"""Brands get a code that approved rules can name; the till tells it with its other facts."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from core.sqlfiles import run_sql_file

NUMBERED = """
    UPDATE merchants_brand b SET code = 'b' || n.number
      FROM (SELECT id, row_number() OVER (ORDER BY name) AS number FROM merchants_brand) n
     WHERE n.id = b.id
"""


class Migration(migrations.Migration):
    dependencies = [("merchants", "0003_tills")]

    operations = [
        migrations.AddField(
            model_name="brand",
            name="code",
            field=models.CharField(max_length=20, null=True, verbose_name="品牌代码"),
        ),
        migrations.RunSQL(NUMBERED, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="brand",
            name="code",
            field=models.SlugField(max_length=20, unique=True, verbose_name="品牌代码"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="brand",
            trigger=pgtrigger.compiler.Trigger(
                name="code_stays",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."code" IS DISTINCT FROM (NEW."code"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="a9a1778fd2158591ee0c9c07b9187dc9944fd442",
                    operation="UPDATE",
                    pgid="pgtrigger_code_stays_2ab3a",
                    table="merchants_brand",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="brand",
            trigger=pgtrigger.compiler.Trigger(
                name="no_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="c0558bc2699a7441b8435b444250ca116fa982b4",
                    operation="DELETE",
                    pgid="pgtrigger_no_delete_1065a",
                    table="merchants_brand",
                    when="BEFORE",
                ),
            ),
        ),
        run_sql_file("merchants", "merchants_tills"),
    ]
