"""The ways of paying at a till, in words (domain-rules §1)."""

from typing import Final

from core.errors import Said
from vouchers.rules.model import FlowName

FLOWS: Final[dict[FlowName, Said]] = {
    "MERCHANT_SCANS": Said(
        "MERCHANT_SCANS", "商家扫顾客（付款码）", "the merchant scans the customer's code"
    ),
    "CUSTOMER_SCANS": Said(
        "CUSTOMER_SCANS", "顾客扫商家（收款码）", "the customer scans the merchant's code"
    ),
    "ONLINE": Said("ONLINE", "线上", "online"),
}
