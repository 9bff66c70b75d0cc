"""Funder sums and parts are added up in loops."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("core", "0005_regions")]

    operations = [run_sql_file("core", "ledger")]
