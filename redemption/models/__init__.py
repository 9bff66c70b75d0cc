"""Tables of the redemption room."""

from redemption.models.codes import PaymentCode
from redemption.models.earmarks import Earmark
from redemption.models.exceptions import ExceptionItem
from redemption.models.redemptions import Redemption, RedemptionLine, RedemptionStep
from redemption.models.returns import Reward
from redemption.settlement.models import (
    BankLine,
    Discrepancy,
    FrozenFact,
    MerchantRepayment,
    Payout,
    ReconDay,
    ReconFile,
    ReconRow,
    SettlementBatch,
    SettlementItem,
    SettlementLine,
    Statement,
)

__all__ = [
    "BankLine",
    "Discrepancy",
    "Earmark",
    "ExceptionItem",
    "FrozenFact",
    "MerchantRepayment",
    "PaymentCode",
    "Payout",
    "ReconDay",
    "ReconFile",
    "ReconRow",
    "Redemption",
    "RedemptionLine",
    "RedemptionStep",
    "Reward",
    "SettlementBatch",
    "SettlementItem",
    "SettlementLine",
    "Statement",
]
