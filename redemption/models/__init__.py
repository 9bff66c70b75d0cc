"""Tables of the redemption room."""

from redemption.models.codes import PaymentCode
from redemption.models.exceptions import ExceptionItem
from redemption.models.redemptions import Redemption, RedemptionLine, RedemptionStep

__all__ = [
    "ExceptionItem",
    "PaymentCode",
    "Redemption",
    "RedemptionLine",
    "RedemptionStep",
]
