"""A group of claims comes in columns instead of one JSON text."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0020_state_machines")]

    operations = [run_sql_file("vouchers", "vouchers_claim")]
