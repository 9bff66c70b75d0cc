"""Known keys of a group are looked up one by one, by their index."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0004_fewer_indexes")]

    operations = [run_sql_file("vouchers", "vouchers_claim")]
