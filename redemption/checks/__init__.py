"""The redemption room's own checks (architecture.md, Invariants); each returns what breaks it."""

from core.invariants.registry import register
from redemption.checks.money import MONEY_CHECKS
from redemption.checks.returns import RETURN_CHECKS
from redemption.checks.rules import RULE_CHECKS
from redemption.checks.states import STATE_CHECKS

__all__ = [
    "MONEY_CHECKS",
    "RETURN_CHECKS",
    "RULE_CHECKS",
    "STATE_CHECKS",
    "redemption_checks_register",
]


def redemption_checks_register() -> None:
    """Register every check of this room's tables."""
    for name, title_zh, sql in (*STATE_CHECKS, *RULE_CHECKS, *MONEY_CHECKS, *RETURN_CHECKS):
        register(name, title_zh, sql)
