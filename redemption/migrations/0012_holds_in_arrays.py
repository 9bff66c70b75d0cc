"""Holds and confirms read their text once and post sums."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("redemption", "0011_late_confirms")]

    operations = [
        run_sql_file("redemption", "redemption_types"),
        run_sql_file("redemption", "redemptions_unhold"),
        run_sql_file("redemption", "redemptions_hold"),
        run_sql_file("redemption", "redemptions_confirm"),
    ]
