"""Settlement asks for the facts of payees."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("redemption", "0008_redemption_frozen")]

    operations = [
        migrations.AddIndex(
            model_name="redemption",
            index=models.Index(
                condition=models.Q(("confirmed_at__isnull", False)),
                fields=["payee"],
                name="redemption_payee",
            ),
        ),
    ]
