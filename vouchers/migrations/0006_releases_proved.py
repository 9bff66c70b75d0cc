"""A wave that has ended says what was claimed of it; the sweep proves the older ones."""

import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("vouchers", "0005_claims_by_keys"),
    ]

    operations = [
        migrations.AddField(
            model_name="quotarelease",
            name="claimed_units",
            field=models.BigIntegerField(
                blank=True,
                help_text="投放领完或结束时由领取记录合计",
                null=True,
                verbose_name="核对领取张数",
            ),
        ),
        migrations.AddField(
            model_name="quotarelease",
            name="proved_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="核对时间"),
        ),
        migrations.AddConstraint(
            model_name="quotarelease",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("claimed_units__isnull", True), ("proved_at__isnull", True)),
                    models.Q(
                        ("claimed_units__isnull", False),
                        (
                            "opened_units",
                            django.db.models.expressions.CombinedExpression(
                                models.F("claimed_units"), "+", models.F("closed_units")
                            ),
                        ),
                        ("proved_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="release_proof",
            ),
        ),
    ]
