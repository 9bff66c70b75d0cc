"""Topics of the events this room publishes; consumers register in wiring.

Payments publish them in campaigns that have return vouchers: nobody else listens.
"""

CONFIRMED = "redemption.confirmed"
REVERSED = "redemption.reversed"
RECORDED = "transaction.recorded"
REFUNDED = "transaction.refunded"
