"""The staff side's common ground (Unfold): scoped lists, service-backed changes, audited exports.

`base.ScopedModelAdmin` is what every room's admin classes derive from. The modules imported here
register the kernel's own pages.
"""

from core.admin import (
    approvals,
    audit,
    cases,
    clients,
    decisions,
    grants,
    hits,
    jobs,
    ledger,
    logins,
    organisations,
    outbox,
    rule_parameters,
    staff,
)

__all__ = [
    "approvals",
    "audit",
    "cases",
    "clients",
    "decisions",
    "grants",
    "hits",
    "jobs",
    "ledger",
    "logins",
    "organisations",
    "outbox",
    "rule_parameters",
    "staff",
]
