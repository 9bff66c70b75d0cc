"""The ledger's SQL, and the application role's rights on what is only ever appended."""

from django.db import migrations

from core.sqlfiles import revoke_app_role, run_sql_file


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        run_sql_file("core", "ledger"),
        revoke_app_role("UPDATE, DELETE", "core_entry", "core_posting", "core_account"),
        revoke_app_role("UPDATE, DELETE", "core_auditevent", "core_auditlink"),
        revoke_app_role("UPDATE, DELETE", "core_approvaldecision", "core_hit"),
        revoke_app_role("UPDATE, DELETE", "core_outboxevent", "core_ruleparameter"),
    ]
