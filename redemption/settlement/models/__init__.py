"""Tables of settlement, payout, reconciliation and statements."""

from redemption.settlement.models.batches import SettlementBatch, SettlementItem, SettlementLine
from redemption.settlement.models.freezes import FrozenFact, MerchantRepayment
from redemption.settlement.models.payouts import Payout
from redemption.settlement.models.recon import (
    BankLine,
    Discrepancy,
    ReconDay,
    ReconFile,
    ReconRow,
)
from redemption.settlement.models.statements import Statement

__all__ = [
    "BankLine",
    "Discrepancy",
    "FrozenFact",
    "MerchantRepayment",
    "Payout",
    "ReconDay",
    "ReconFile",
    "ReconRow",
    "SettlementBatch",
    "SettlementItem",
    "SettlementLine",
    "Statement",
]
