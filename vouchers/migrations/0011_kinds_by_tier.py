"""Vouchers whose subsidy rises by tiers."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("vouchers", "0010_limits_of_groups"),
    ]

    operations = [
        migrations.AlterField(
            model_name="batch",
            name="kind",
            field=models.CharField(
                choices=[
                    ("THRESHOLD", "满减券"),
                    ("NO_THRESHOLD", "无门槛券"),
                    ("PERCENTAGE", "折扣券"),
                    ("TIERS", "阶梯满减券"),
                    ("INSTANT", "立减"),
                    ("RETURN", "消费返券"),
                    ("PACK", "券包"),
                    ("EXCHANGE", "兑换券"),
                    ("SUBSIDY", "补贴"),
                ],
                max_length=12,
                verbose_name="券种",
            ),
        ),
    ]
