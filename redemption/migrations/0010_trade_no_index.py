"""Reconciliation finds a payment by its acquirer and the 32 bytes of its number a file carries."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("redemption", "0009_redemption_payee")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX IF NOT EXISTS redemption_trade_no"
            " ON redemption_redemption (acquirer_id, left(channel_trade_no, 32))",
            "DROP INDEX IF EXISTS redemption_trade_no",
        ),
    ]
