"""Caps of all people together; waves that wait for money say so."""

from django.db import migrations, models

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("vouchers", "0013_slices_of_channels"),
    ]

    operations = [
        migrations.CreateModel(
            name="CapUse",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "limit_id",
                        "window_start",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("limit_id", models.BigIntegerField(verbose_name="上限")),
                ("window_start", models.DateTimeField(verbose_name="窗口起点")),
                ("window_end", models.DateTimeField(verbose_name="窗口终点")),
                ("used_units", models.BigIntegerField(default=0, verbose_name="已领份数")),
                ("used_fen", models.BigIntegerField(default=0, verbose_name="已领金额（分）")),
                (
                    "most_units",
                    models.BigIntegerField(blank=True, null=True, verbose_name="份数上限"),
                ),
                (
                    "most_fen",
                    models.BigIntegerField(blank=True, null=True, verbose_name="金额上限（分）"),
                ),
            ],
            options={
                "verbose_name": "投放上限使用",
                "verbose_name_plural": "投放上限使用",
            },
        ),
        migrations.AddField(
            model_name="quotarelease",
            name="waiting_since",
            field=models.DateTimeField(
                blank=True,
                help_text="到了投放时点而出资方资金不足一张：资金到位后自动投放",
                null=True,
                verbose_name="等待资金自",
            ),
        ),
        migrations.AlterField(
            model_name="limit",
            name="side",
            field=models.CharField(
                choices=[("CLAIM", "领取"), ("REDEMPTION", "核销"), ("CAP", "投放上限")],
                max_length=10,
                verbose_name="环节",
            ),
        ),
        migrations.AddConstraint(
            model_name="quotarelease",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("waiting_since__isnull", True),
                    models.Q(("state", "OPEN"), _negated=True),
                    _connector="OR",
                ),
                name="release_waits_unopened",
            ),
        ),
        migrations.AddConstraint(
            model_name="capuse",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("used_units__gte", 0),
                    ("used_fen__gte", 0),
                    models.Q(
                        ("most_units__isnull", True),
                        ("used_units__lte", models.F("most_units")),
                        _connector="OR",
                    ),
                    models.Q(
                        ("most_fen__isnull", True),
                        ("used_fen__lte", models.F("most_fen")),
                        _connector="OR",
                    ),
                ),
                name="cap_use_within_cap",
            ),
        ),
        migrations.AddConstraint(
            model_name="capuse",
            constraint=models.CheckConstraint(
                condition=models.Q(("window_end__gt", models.F("window_start"))),
                name="cap_use_window",
            ),
        ),
        run_sql_file("vouchers", "vouchers_claim"),
        run_sql_file("vouchers", "vouchers_claim_reads"),
    ]
