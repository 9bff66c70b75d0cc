"""Table constraints beyond Django, the hot functions, and rights on append-only tables."""

from django.db import migrations

from core.sqlfiles import revoke_app_role, run_sql_file


class Migration(migrations.Migration):
    dependencies = [("redemption", "0002_initial"), ("core", "0002_ledger")]

    operations = [
        run_sql_file("redemption", "redemption_tables"),
        run_sql_file("redemption", "redemption_types"),
        run_sql_file("redemption", "redemptions_unhold"),
        run_sql_file("redemption", "redemptions_hold"),
        run_sql_file("redemption", "redemptions_confirm"),
        revoke_app_role("UPDATE, DELETE", "redemption_redemptionstep"),
    ]
