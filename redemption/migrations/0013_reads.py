"""What the services read before they decide keeps its plans with the session."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("redemption", "0012_holds_in_arrays"),
        ("merchants", "0003_tills"),
        ("vouchers", "0009_claim_reads"),
    ]

    operations = [run_sql_file("redemption", "redemption_reads")]
