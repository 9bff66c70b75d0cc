"""Payment codes are made and found by functions: one statement each, for a group of any size."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("redemption", "0013_reads")]

    operations = [run_sql_file("redemption", "payment_codes")]
