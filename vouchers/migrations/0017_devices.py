"""Claims say which device asked for them; people are counted per device."""

import django.db.models.deletion
from django.db import migrations, models

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("vouchers", "0016_instants"),
    ]

    operations = [
        migrations.AddField(
            model_name="claim",
            name="device",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="vouchers.identitykey",
                verbose_name="请求设备",
            ),
        ),
        migrations.AddIndex(
            model_name="claim",
            index=models.Index(
                condition=models.Q(("device__isnull", False)),
                fields=["device", "at"],
                name="claim_device_at",
            ),
        ),
        run_sql_file("vouchers", "vouchers_devices"),
        run_sql_file("vouchers", "vouchers_claim"),
    ]
