"""A refund may void a voucher: the policy QUOTA_CONSUMED."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("redemption", "0014_payment_codes")]

    operations = [
        migrations.AlterField(
            model_name="redemptionstep",
            name="voucher_fate",
            field=models.CharField(
                blank=True,
                choices=[
                    ("RETURNED", "退回券包"),
                    ("KEPT_USED", "仍为已用"),
                    ("EXPIRED", "已过期"),
                    ("VOIDED", "已作废"),
                ],
                max_length=9,
                verbose_name="券去向",
            ),
        ),
    ]
