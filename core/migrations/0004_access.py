"""Roles that exclude each other and the two active keys of a client are kept by the database."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("core", "0003_approvals")]

    operations = [run_sql_file("core", "access")]
