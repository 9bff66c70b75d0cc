"""The parts of a voucher are divided as integers where they fit."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("core", "0006_parts_by_loops")]

    operations = [run_sql_file("core", "ledger")]
