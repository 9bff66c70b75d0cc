"""Deciding a case: a reason always, a second person above 10,000 yuan (screening.md)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from core.access.errors import ReasonRequiredError
from core.access.models import User
from core.access.roles import assert_may
from core.approvals.models import Approval
from core.approvals.registry import ApprovalKind
from core.approvals.services import approval_request
from core.audit.services import audit_record
from core.errors import DomainError
from core.money import yuan_text
from core.screening.hooks import case_hooks
from core.screening.models import Case, CaseState
from core.screening.rules import rule_order, rule_title
from core.screening.states import CASE_STATES
from core.transactions import retry_conflicts, transaction_joined

KIND = "screening.case"
SECOND_PERSON_ABOVE_FEN = 1_000_000
MAKER_ACTION = "core.decide_case"
OUTCOMES = (CaseState.RELEASED, CaseState.UPHELD)


@retry_conflicts
def case_review_start(*, case_id: UUID, actor: User, now: datetime) -> Case:
    """Take a case into review and become its owner; repeating it changes nothing.

    Raises:
        StateConflictError: the case is decided.
        DomainError: ``access.not_found``, ``access.permission_denied``.
    """
    with transaction_joined():
        case = _locked(case_id)
        assert_may(actor, "core.change_case", case.owner_region)
        CASE_STATES.assert_transition(case.state, CaseState.IN_REVIEW)
        if case.state == CaseState.IN_REVIEW and case.owner_id == actor.pk:
            return case
        case.state, case.owner = CaseState.IN_REVIEW, actor
        case.save(update_fields=["state", "owner"])
        _audit(case, "screening.review", actor, "", now)
    return case


@retry_conflicts
def case_decide(
    *, case_id: UUID, outcome: CaseState, reason: str, actor: User, now: datetime
) -> Case | Approval:
    """Decide a case as RELEASED (排除) or UPHELD (属实).

    Up to 10,000 yuan frozen the decision takes effect at once and the case is returned; above,
    the approval is returned that a second person (风控复核) has to give.

    Raises:
        ReasonRequiredError: no reason.
        StateConflictError: the case is decided already, or the outcome is no decision.
        PendingExistsError: a decision waits for the second person already.
        DomainError: ``access.not_found``, ``access.permission_denied``.
    """
    if not reason.strip():
        raise ReasonRequiredError
    with transaction_joined():
        case = _locked(case_id)
        assert_may(actor, MAKER_ACTION, case.owner_region)
        _assert_open(case, outcome)
        if case.frozen_fen <= SECOND_PERSON_ABOVE_FEN:
            _decide(case, outcome, reason, actor, now)
            return case
        if case.state == CaseState.OPEN:
            case.state, case.owner = CaseState.IN_REVIEW, actor
            case.save(update_fields=["state", "owner"])
        return approval_request(
            kind=KIND,
            subject_type="case",
            subject_id=case.pk,
            title=_("风险核查结论：%(subject)s，%(outcome)s")
            % {"subject": case.subject_label or case.subject_id, "outcome": outcome.label},
            maker=actor,
            owner_region=case.owner_region,
            now=now,
            amount_fen=case.frozen_fen,
            payload={"outcome": outcome, "reason": reason},
            reason=reason,
        )


def case_snapshot(subject_id: str, _payload: Mapping[str, Any]) -> object:
    """Return what a decision rests on: the evidence and the money frozen, in fen."""
    case = Case.objects.get(pk=subject_id)
    return {"evidence_hash": case.evidence_hash, "frozen_fen": case.frozen_fen}


def case_words(subject_id: str, payload: Mapping[str, Any]) -> list[str]:
    """Say what is decided about whom, on which findings, and what becomes of the money."""
    case = Case.objects.get(pk=subject_id)
    outcome = CaseState(payload["outcome"])
    found = rule_order(set(case.hits.order_by().values_list("rule", flat=True)))
    effect = _("解除冻结，恢复结算") if outcome == CaseState.RELEASED else _("追回冻结金额")
    return [
        _("%(subject)s：%(outcome)s")
        % {"subject": case.subject_label or case.subject_id, "outcome": outcome.label},
        _("命中规则：%(rules)s") % {"rules": "、".join(map(rule_title, found)) or _("无")},
        _("冻结金额 %(amount)s 元，%(effect)s")
        % {"amount": yuan_text(case.frozen_fen), "effect": effect},
        _("结论理由：%(reason)s") % {"reason": payload["reason"]},
    ]


def case_decision_approved(approval: Approval, now: datetime) -> None:
    """Put a decision into effect that the second person agreed to."""
    case = _locked(UUID(approval.subject_id))
    outcome = CaseState(approval.payload["outcome"])
    _assert_open(case, outcome)
    _decide(case, outcome, approval.payload["reason"], approval.maker, now)


CASE_APPROVAL = ApprovalKind(
    kind=KIND,
    title="风险核查结论",
    snapshot=case_snapshot,
    on_approved=case_decision_approved,
    maker_action=MAKER_ACTION,
    checker_action="core.approve_case",
    director_action="core.sign_case",
    reader_action="core.view_case",
    describe=case_words,
)


def _decide(case: Case, outcome: CaseState, reason: str, actor: User, now: datetime) -> None:
    case.state, case.decided_at, case.decision_reason = outcome, now, reason
    case.save(update_fields=["state", "decided_at", "decision_reason"])
    # Also without frozen money: of settled facts the payee's next payout may be held.
    hooks = case_hooks()
    effect = hooks.on_release if outcome == CaseState.RELEASED else hooks.on_uphold
    effect(case, now)
    _audit(case, "screening.decide", actor, reason, now)


def _assert_open(case: Case, outcome: CaseState) -> None:
    if outcome not in OUTCOMES or case.state in CASE_STATES.terminal:
        raise CASE_STATES.conflict(case.state, outcome)


def _locked(case_id: UUID) -> Case:
    case = Case.objects.select_for_update().filter(pk=case_id).first()
    if case is None:
        raise DomainError("access.not_found")
    return case


def _audit(case: Case, action: str, actor: User, reason: str, now: datetime) -> None:
    audit_record(
        action=action,
        subject_type="case",
        subject_id=case.pk,
        now=now,
        actor=actor,
        owner_region=case.owner_region,
        reason=reason,
        data={
            "state": case.state,
            "frozen_fen": case.frozen_fen,
            "evidence_hash": case.evidence_hash,
        },
    )
