"""Claims and vouchers are inserted without asking every row for a conflict first."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0007_grants")]

    operations = [run_sql_file("vouchers", "vouchers_claim")]
