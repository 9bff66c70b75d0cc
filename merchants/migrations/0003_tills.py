"""What stands behind a till is read by a function that keeps its plan."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("merchants", "0002_store_once")]

    operations = [run_sql_file("merchants", "merchants_tills")]
