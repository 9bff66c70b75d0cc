"""How often and how long a payment with a voucher can be refunded (domain-rules §6)."""

from datetime import timedelta
from typing import Final

MAX_REFUNDS: Final = 50
MAX_AGE: Final = timedelta(days=365)
