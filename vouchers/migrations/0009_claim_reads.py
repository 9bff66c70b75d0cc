"""What a claim reads before it is decided keeps its plans with the session."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0008_claims_inserted_plainly")]

    operations = [run_sql_file("vouchers", "vouchers_claim_reads")]
