"""Limits per wave and group, and groups that exclude each other."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0009_claim_reads")]

    operations = [
        run_sql_file("vouchers", "vouchers_claim_reads"),
        run_sql_file("vouchers", "vouchers_claim"),
    ]
