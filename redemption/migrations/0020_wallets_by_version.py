"""A wallet names what a batch's vouchers have in common once."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("redemption", "0019_state_machines")]

    operations = [run_sql_file("redemption", "redemption_reads")]
