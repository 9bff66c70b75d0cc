"""The claim function reads its text once and names the first voucher's number."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0002_claim")]

    operations = [run_sql_file("vouchers", "vouchers_claim")]
