"""What only some groups of claims are asked has functions of its own."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0021_claims_by_columns")]

    operations = [
        run_sql_file("vouchers", "vouchers_claim_checks"),
        run_sql_file("vouchers", "vouchers_claim"),
    ]
