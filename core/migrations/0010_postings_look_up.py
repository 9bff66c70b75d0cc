"""Accounts and entries of a posting are looked up one by one, whatever plan was made first."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("core", "0009_state_machines")]

    operations = [run_sql_file("core", "ledger")]
