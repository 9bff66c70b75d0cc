"""The kernel's tables, each in the small package that owns it."""

from core.access.models import Client, ClientKey, Organisation, Region, Role, RoleGrant, User
from core.approvals.models import Approval, ApprovalDecision
from core.audit.models import AuditEvent, AuditLink
from core.jobs.models import BusinessClock, Job, JobFile, ScheduledTick
from core.ledger.models import Account, Entry, Posting
from core.outbox.models import Delivery, OutboxEvent
from core.screening.models import Case, Hit, RuleParameter

__all__ = [
    "Account",
    "Approval",
    "ApprovalDecision",
    "AuditEvent",
    "AuditLink",
    "BusinessClock",
    "Case",
    "Client",
    "ClientKey",
    "Delivery",
    "Entry",
    "Hit",
    "Job",
    "JobFile",
    "Organisation",
    "OutboxEvent",
    "Posting",
    "Region",
    "Role",
    "RoleGrant",
    "RuleParameter",
    "ScheduledTick",
    "User",
]
