"""The view and functions settlement reads the facts through."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("redemption", "0005_settlement_rights")]

    operations = [run_sql_file("redemption", "settlement_functions")]
