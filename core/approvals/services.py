"""Maker–checker (经办/复核): request, decide, withdraw.

An approval is bound to the hash of exactly what was submitted; the last agreement puts it into
effect in its own transaction, or fails as a whole when the subject has changed since.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.db.transaction import atomic

from core.access.errors import ReasonRequiredError
from core.access.models import User
from core.access.roles import assert_may
from core.approvals.errors import (
    AlreadyDecidedError,
    ConfigurationChangedError,
    MakerIsCheckerError,
    PendingExistsError,
)
from core.approvals.models import Approval, ApprovalDecision, ApprovalState
from core.approvals.registry import ApprovalKind, approval_kind
from core.approvals.states import APPROVAL_STATES
from core.audit.services import audit_record
from core.canonical import canonical_hash, to_plain_object
from core.errors import DomainError
from core.transactions import retry_conflicts, transaction_joined


def approval_depth(amount_fen: int) -> int:
    """Return how many levels must agree to an amount (settings.XFQ_APPROVAL_TIERS)."""
    return max(depth for floor, depth in settings.XFQ_APPROVAL_TIERS if abs(amount_fen) >= floor)


@retry_conflicts
def approval_request(
    *,
    kind: str,
    subject_type: str,
    subject_id: object,
    title: str,
    maker: User,
    owner_region: str,
    now: datetime,
    amount_fen: int = 0,
    min_depth: int = 1,
    payload: Mapping[str, Any] | None = None,
    reason: str = "",
) -> Approval:
    """Submit a matter for approval; the subject's present content is what the approval binds.

    ``payload`` is what the effect needs beside the subject. The number of levels follows from the
    amount in fen; the kind and this matter (``min_depth``) may ask for more.

    Raises:
        PendingExistsError: the same matter waits already.
        DomainError: ``access.permission_denied`` for the maker.
    """
    registered = approval_kind(kind)
    assert_may(maker, registered.maker_action, owner_region)
    content = to_plain_object(payload or {})
    with transaction_joined():
        try:
            with atomic():
                approval = Approval.objects.create(
                    kind=kind,
                    subject_type=subject_type,
                    subject_id=str(subject_id),
                    title=title,
                    config_hash=_hash(registered, str(subject_id), content),
                    payload=content,
                    amount_fen=amount_fen,
                    depth=max(approval_depth(amount_fen), registered.min_depth, min_depth),
                    owner_region=owner_region,
                    maker=maker,
                    reason=reason,
                    created_at=now,
                )
        except IntegrityError as error:
            if "approval_one_pending" not in str(error):
                raise
            raise PendingExistsError from error
        _audit(approval, "approval.request", maker, reason, now)
    return approval


@retry_conflicts
def approval_decide(
    *, approval_id: UUID, checker: User, agree: bool, now: datetime, comment: str = ""
) -> Approval:
    """Give a checker's word; the last agreement puts the matter into effect at once.

    A rejection needs a comment and ends the request at whatever level.

    Raises:
        StateConflictError: it is decided or withdrawn already.
        MakerIsCheckerError, AlreadyDecidedError: this person may not decide here.
        ConfigurationChangedError: the subject is no longer what was submitted.
        ReasonRequiredError: rejected without a comment.
        DomainError: ``access.permission_denied``, ``access.not_found``, or the effect's own.
    """
    with transaction_joined():
        approval = _locked(approval_id)
        registered = approval_kind(approval.kind)
        target = ApprovalState.APPROVED if agree else ApprovalState.REJECTED
        _assert_pending(approval, target)
        checkers = list(approval.decisions.values_list("checker_id", flat=True))
        step = len(checkers) + 1
        if checker.pk == approval.maker_id:
            raise MakerIsCheckerError
        if checker.pk in checkers:
            raise AlreadyDecidedError
        assert_may(checker, registered.action(step), approval.owner_region)
        if not agree and not comment.strip():
            raise ReasonRequiredError
        if agree and _hash(registered, approval.subject_id, approval.payload) != (
            approval.config_hash
        ):
            raise ConfigurationChangedError
        ApprovalDecision.objects.create(
            approval=approval, step=step, checker=checker, agreed=agree, comment=comment, at=now
        )
        _audit(approval, "approval.agree" if agree else "approval.reject", checker, comment, now)
        if not agree or step >= approval.depth:
            _close(approval, target, now)
            effect = registered.on_approved if agree else registered.on_closed
            effect(approval, now)
    return approval


@retry_conflicts
def approval_withdraw(*, approval_id: UUID, actor: User, reason: str, now: datetime) -> Approval:
    """Take a pending request back; only its maker may, and says why.

    Raises:
        StateConflictError: it is decided or withdrawn already.
        ReasonRequiredError: no reason given.
        DomainError: ``access.permission_denied`` for anybody but the maker.
    """
    if not reason.strip():
        raise ReasonRequiredError
    with transaction_joined():
        approval = _locked(approval_id)
        _assert_pending(approval, ApprovalState.WITHDRAWN)
        if actor.pk != approval.maker_id:
            raise DomainError("access.permission_denied")
        _close(approval, ApprovalState.WITHDRAWN, now)
        _audit(approval, "approval.withdraw", actor, reason, now)
        approval_kind(approval.kind).on_closed(approval, now)
    return approval


def approval_is_unchanged(approval: Approval) -> bool:
    """Tell whether the subject of a request still is exactly what was submitted."""
    registered = approval_kind(approval.kind)
    return _hash(registered, approval.subject_id, approval.payload) == approval.config_hash


def _assert_pending(approval: Approval, target: ApprovalState) -> None:
    if approval.state != ApprovalState.PENDING:
        # A second agreement to something approved is a conflict too: it has no effect any more.
        raise APPROVAL_STATES.conflict(approval.state, target)


def _locked(approval_id: UUID) -> Approval:
    approval = Approval.objects.select_for_update().filter(pk=approval_id).first()
    if approval is None:
        raise DomainError("access.not_found")
    return approval


def _close(approval: Approval, state: ApprovalState, now: datetime) -> None:
    approval.state, approval.decided_at = state, now
    approval.save(update_fields=["state", "decided_at"])


def _hash(kind: ApprovalKind, subject_id: str, payload: Mapping[str, Any]) -> str:
    return canonical_hash({"content": kind.snapshot(subject_id, payload), "payload": payload})


def _audit(approval: Approval, action: str, actor: User, reason: str, now: datetime) -> None:
    audit_record(
        action=action,
        subject_type=approval.subject_type,
        subject_id=approval.subject_id,
        now=now,
        actor=actor,
        owner_region=approval.owner_region,
        reason=reason,
        data={
            "approval": approval.pk,
            "kind": approval.kind,
            "config_hash": approval.config_hash,
            "amount_fen": approval.amount_fen,
            "state": approval.state,
        },
    )
