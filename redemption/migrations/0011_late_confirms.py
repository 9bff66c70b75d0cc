"""A late confirm competes for its order under the order's lock, as a new hold does."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("redemption", "0010_trade_no_index")]

    operations = [
        run_sql_file("redemption", "redemptions_hold"),
        run_sql_file("redemption", "redemptions_confirm"),
    ]
