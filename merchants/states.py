"""Which state of a merchant may follow which (domain-rules §9: 暂停, 恢复, 清退)."""

from core.states import state_table
from merchants.models import Merchant

_State = Merchant.State

MERCHANT_STATES = state_table(
    "merchants.Merchant",
    [
        (_State.ACTIVE, _State.SUSPENDED),
        (_State.SUSPENDED, _State.ACTIVE),
        (_State.ACTIVE, _State.REMOVED),
        (_State.SUSPENDED, _State.REMOVED),
    ],
)
"""Removal (清退) is final: a merchant that comes back is reported and reviewed anew."""
