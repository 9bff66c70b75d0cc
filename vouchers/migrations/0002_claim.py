"""Table constraints beyond Django, the claim function, and rights on append-only tables."""

from django.db import migrations

from core.sqlfiles import revoke_app_role, run_sql_file


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0001_initial"), ("core", "0002_ledger")]

    operations = [
        run_sql_file("vouchers", "vouchers_tables"),
        run_sql_file("vouchers", "vouchers_claim"),
        revoke_app_role("UPDATE, DELETE", "vouchers_claim", "vouchers_batchversion"),
    ]
