"""Differences and days: owner, resolution, suspense with approval, closing; missing files."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from core.access.errors import ReasonRequiredError
from core.access.models import User
from core.access.roles import assert_may
from core.approvals.models import Approval
from core.approvals.registry import ApprovalKind
from core.approvals.services import approval_request
from core.audit.services import audit_record
from core.errors import DomainError
from core.transactions import retry_conflicts, transaction_joined
from merchants.models import Acquirer
from redemption.models import ExceptionItem
from redemption.settlement.descriptions import suspense_words
from redemption.settlement.errors import (
    DayNotReadyError,
    EvidenceRequiredError,
    NothingToSuspendError,
)
from redemption.settlement.models import Discrepancy, ReconDay, ReconFile
from redemption.settlement.recon.importing import missing_subject
from redemption.settlement.services.build import last_ended_day
from redemption.settlement.states import (
    DAY_STATES,
    DISCREPANCY_STATES,
    DayState,
    DiscrepancyState,
)

KIND = "recon.suspense"
EXPECTED_BACK_DAYS = 7
_EXPECTED = """
    SELECT DISTINCT r.acquirer_id FROM redemption_redemptionstep s
      JOIN redemption_redemption r ON r.id = s.redemption_id
     WHERE s.kind IN ('CONFIRM', 'CANCEL', 'REFUND')
       AND s.business_date > %s AND s.business_date <= %s
"""


@retry_conflicts
def discrepancy_assign(*, discrepancy_id: UUID, owner: User, actor: User, now: datetime) -> None:
    """Give a difference an owner (负责人).

    Raises:
        DomainError: ``access.not_found``, ``access.permission_denied``.
    """
    with transaction_joined():
        one = _locked(discrepancy_id)
        assert_may(actor, "redemption.change_discrepancy", one.owner_region)
        one.owner = owner
        one.save(update_fields=["owner"])
        _audit(one, "recon.assign", actor, "", now)


@retry_conflicts
def discrepancy_resolve(
    *,
    discrepancy_id: UUID,
    target: DiscrepancyState,
    resolution: str,
    evidence: str,
    actor: User,
    now: datetime,
) -> Discrepancy:
    """Explain a difference with evidence, or put it into suspense until the day's approval.

    Raises:
        ReasonRequiredError, EvidenceRequiredError: nothing said, or nothing to show for it.
        StateConflictError: the table of states does not allow it.
        DomainError: ``access.not_found``, ``access.permission_denied``.
    """
    if not resolution.strip():
        raise ReasonRequiredError
    if target == DiscrepancyState.EXPLAINED and not evidence.strip():
        raise EvidenceRequiredError
    with transaction_joined():
        one = _locked(discrepancy_id)
        assert_may(actor, "redemption.explain_discrepancy", one.owner_region)
        DISCREPANCY_STATES.assert_transition(one.state, target)
        if one.state == target:
            return one
        one.state, one.resolution, one.evidence = target, resolution, evidence
        one.resolved_at = now if target == DiscrepancyState.EXPLAINED else None
        one.owner = one.owner or actor
        one.save(update_fields=["state", "resolution", "evidence", "resolved_at", "owner"])
        _audit(one, "recon.resolve", actor, resolution, now)
    return one


@retry_conflicts
def suspense_submit(*, day_id: UUID, maker: User, now: datetime, reason: str = "") -> Approval:
    """Ask for the approval of a day's suspense list as it stands.

    Raises:
        NothingToSuspendError: nothing waits.
        PendingExistsError: a list waits already.
        DomainError: ``access.not_found``, ``access.permission_denied``.
    """
    with transaction_joined():
        day = _day_locked(day_id)
        waiting = _waiting(day)
        if not waiting.exists():
            raise NothingToSuspendError
        return approval_request(
            kind=KIND,
            subject_type="recon_day",
            subject_id=day.pk,
            title=_("对账挂账清单：%(day)s") % {"day": day},
            maker=maker,
            owner_region=day.owner_region,
            now=now,
            amount_fen=sum(abs(one.amount_fen) for one in waiting),
            reason=reason,
        )


def suspense_snapshot(subject_id: str, _payload: Mapping[str, Any]) -> object:
    """Return the list that is approved: every row with its amounts and reason."""
    day = ReconDay.objects.get(pk=subject_id)
    return [[str(one.pk), one.kind, one.amount_fen, one.resolution] for one in _waiting(day)]


def suspense_approved(approval: Approval, _now: datetime) -> None:
    """Mark the rows of the list as approved."""
    _waiting(_day_locked(UUID(approval.subject_id))).update(approval=approval)


SUSPENSE_APPROVAL = ApprovalKind(
    kind=KIND,
    title="对账挂账",
    snapshot=suspense_snapshot,
    on_approved=suspense_approved,
    maker_action="redemption.submit_reconday",
    checker_action="redemption.approve_reconday",
    director_action="redemption.sign_reconday",
    describe=suspense_words,
)


@retry_conflicts
def day_close(*, day_id: UUID, actor: User, now: datetime) -> ReconDay:
    """Close a day: its file is there, nothing is unexplained, all suspense is approved.

    Raises:
        DayNotReadyError: says how many of each are left.
        DomainError: ``access.not_found``, ``access.permission_denied``.
    """
    with transaction_joined():
        day = _day_locked(day_id)
        assert_may(actor, "redemption.change_reconday", day.owner_region)
        DAY_STATES.assert_transition(day.state, DayState.CLOSED)
        if day.state == DayState.CLOSED:
            return day
        left = day.discrepancies.aggregate(
            open=Count("pk", filter=Q(state=DiscrepancyState.OPEN)),
            suspense=Count("pk", filter=Q(state=DiscrepancyState.SUSPENSE, approval=None)),
        )
        matched = day.files.filter(kind=ReconFile.Kind.ACQUIRER, matched_at__isnull=False)
        missing = int(not matched.exists())
        if any(left.values()) or missing:
            raise DayNotReadyError(data={**left, "missing": missing})
        day.state, day.closed_by, day.closed_at = DayState.CLOSED, actor, now
        day.save(update_fields=["state", "closed_by", "closed_at"])
        audit_record(
            action="recon.close",
            subject_type="recon_day",
            subject_id=day.pk,
            now=now,
            actor=actor,
            owner_region=day.owner_region,
            data={"matched": day.matched_count, "matched_fen": day.matched_fen},
        )
    return day


def missing_files_find(*, now: datetime) -> int:
    """Put a missing file of every acquirer's last ended day into the exceptions list.

    An acquirer owes a file for every day within a week of its last trade, also for one without
    trades (then with zero totals). Returns how many are new.
    """
    made = 0
    today = now.date()
    with connection.cursor() as cursor:
        cursor.execute(_EXPECTED, [today - timedelta(days=EXPECTED_BACK_DAYS + 1), today])
        ids = [row[0] for row in cursor.fetchall()]
    for acquirer in Acquirer.objects.filter(pk__in=ids):
        day = last_ended_day(acquirer, now)
        made += _missing(acquirer, day, now)
    return made


def _missing(acquirer: Acquirer, day: date, now: datetime) -> int:
    if ReconFile.objects.filter(
        kind=ReconFile.Kind.ACQUIRER, acquirer=acquirer, day__business_date=day
    ).exists():
        return 0
    _item, made = ExceptionItem.objects.get_or_create(
        kind=ExceptionItem.Kind.MISSING_FILE,
        subject_id=missing_subject(acquirer.code, day),
        defaults={
            "owner_region": acquirer.owner_region,
            "data": {"acquirer": acquirer.name, "business_date": day.isoformat()},
            "opened_at": now,
        },
    )
    return int(made)


def _waiting(day: ReconDay) -> Any:
    return day.discrepancies.filter(
        state=DiscrepancyState.SUSPENSE, approval__isnull=True
    ).order_by("pk")


def _locked(discrepancy_id: UUID) -> Discrepancy:
    one = Discrepancy.objects.select_for_update().filter(pk=discrepancy_id).first()
    if one is None:
        raise DomainError("access.not_found")
    return one


def _day_locked(day_id: UUID) -> ReconDay:
    day = ReconDay.objects.select_for_update().filter(pk=day_id).first()
    if day is None:
        raise DomainError("access.not_found")
    return day


def _audit(one: Discrepancy, action: str, actor: User, reason: str, now: datetime) -> None:
    audit_record(
        action=action,
        subject_type="discrepancy",
        subject_id=one.pk,
        now=now,
        actor=actor,
        owner_region=one.owner_region,
        reason=reason,
        data={"kind": one.kind, "state": one.state, "owner": one.owner_id},
    )
