"""Instant discounts come with the wallets of people."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("redemption", "0017_returns"), ("vouchers", "0016_instants")]

    operations = [run_sql_file("redemption", "redemption_reads")]
