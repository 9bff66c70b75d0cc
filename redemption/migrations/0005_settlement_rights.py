"""Settlement constraints beyond Django, and rights on tables nothing is taken out of."""

from django.db import migrations

from core.sqlfiles import revoke_app_role, run_sql_file


class Migration(migrations.Migration):
    dependencies = [("redemption", "0004_settlement")]

    operations = [
        run_sql_file("redemption", "settlement_tables"),
        revoke_app_role(
            "UPDATE, DELETE",
            "redemption_reconrow",
            "redemption_bankline",
            "redemption_merchantrepayment",
        ),
        revoke_app_role("UPDATE", "redemption_settlementitem"),
        revoke_app_role(
            "DELETE",
            "redemption_settlementbatch",
            "redemption_settlementline",
            "redemption_payout",
            "redemption_frozenfact",
            "redemption_reconday",
            "redemption_reconfile",
            "redemption_discrepancy",
        ),
    ]
