"""The application role's rights on what is only ever appended."""

from django.db import migrations

from core.sqlfiles import revoke_app_role


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0002_initial")]

    operations = [
        revoke_app_role("UPDATE, DELETE", "campaigns_version", "campaigns_fundsmovement"),
    ]
