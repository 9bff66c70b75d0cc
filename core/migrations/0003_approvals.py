"""Maker and checker are kept apart by the database too."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("core", "0002_ledger")]

    operations = [run_sql_file("core", "approvals")]
