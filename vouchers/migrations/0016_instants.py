"""Instant discounts are found by each payment."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0003_rights"),
        ("vouchers", "0015_audiences"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(
                condition=models.Q(("kind", "INSTANT")), fields=["campaign"], name="batch_instant"
            ),
        ),
    ]
