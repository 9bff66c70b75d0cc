"""The control list (风控名单): put forward and lifted by 风控经办, agreed to by 风控复核.

The claim itself asks the list (vouchers_claim_checks.sql); a citizen never learns of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from core.access.errors import ReasonRequiredError
from core.access.models import User
from core.access.roles import assert_may, may
from core.approvals.models import Approval, ApprovalState
from core.approvals.registry import ApprovalKind
from core.approvals.services import approval_request
from core.canonical import to_plain
from core.errors import DomainError, InvalidParam, InvalidParametersError
from core.models import Case
from core.pii import assert_no_number
from core.screening.models import CaseState
from core.transactions import retry_conflicts, transaction_joined
from vouchers.identity import IdentityToken
from vouchers.locks import control_lock, identity_key_lock
from vouchers.models import ControlEntry, IdentityKey
from vouchers.services.control_words import (
    control_words,
    lift_payload,
    lift_words,
    region_word,
)
from vouchers.services.identity_keys import identity_keys_ensure
from vouchers.states import CONTROL_STATES, ControlState

KIND = "voucher.control"
LIFT_KIND = "voucher.control_lift"
SUBJECT_TYPE = "vouchers.controlentry"
VIEW = "vouchers.view_controlentry"
ADD = "vouchers.add_controlentry"
LIFT = "vouchers.lift_controlentry"
MOST_DAYS = 1_096
OF_KEYS = frozenset({"PERSON", "DEVICE"})
"""Subjects of cases that are identity keys, by id."""


@dataclass(frozen=True, slots=True)
class ControlTerms:
    """Why, from when until when (exclusive), and for campaigns owned in which region's subtree."""

    reason: str
    owner_region: str
    valid_from: datetime
    valid_until: datetime


@retry_conflicts
def control_propose(
    *, token: IdentityToken, terms: ControlTerms, actor: User, now: datetime
) -> ControlEntry:
    """Put a key forward for the list; of the number itself only its hashes are kept.

    Raises:
        InvalidParametersError: a period that is over or too long, a whole number in the
            reason, or the key is on the list.
        ReasonRequiredError: no reason.
        DomainError: ``access.permission_denied``.
    """
    assert_may(actor, ADD, terms.owner_region)
    with transaction_joined():
        key_id = identity_keys_ensure(tokens=[token])[token]
        return _propose(key_id, terms, None, actor, now)


@retry_conflicts
def control_propose_case(
    *, case_id: UUID, terms: ControlTerms, actor: User, now: datetime
) -> ControlEntry:
    """Put the person or device of a case that was upheld forward for the list.

    Raises:
        InvalidParametersError: as by `control_propose`, or the case is about no person or device.
        StateConflictError: the case is not upheld.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    case = Case.objects.filter(pk=case_id).first()
    if case is None or not may(actor, "core.view_case", case.owner_region):
        raise DomainError("access.not_found")
    assert_may(actor, ADD, terms.owner_region)
    if case.state != CaseState.UPHELD:
        raise CONTROL_STATES.conflict(case.state, CaseState.UPHELD)
    key_id = case_key_id(case)
    if key_id is None:
        raise InvalidParametersError.one("case", _("该核查单的对象不是自然人或设备"))
    with transaction_joined():
        return _propose(key_id, terms, case, actor, now)


def case_key_id(case: Case) -> int | None:
    """Return the id of the key that a case is about; None where it is about none."""
    if case.subject_type not in OF_KEYS or not case.subject_id.isdecimal():
        return None
    found = IdentityKey.objects.filter(pk=int(case.subject_id))
    return found.values_list("pk", flat=True).first()


def _propose(
    key_id: int, terms: ControlTerms, case: Case | None, actor: User, now: datetime
) -> ControlEntry:
    _assert_terms(terms, now)
    # Two proposals of one key take turns.
    key = identity_key_lock(key_id)
    waits = Q(state=ControlState.SUBMITTED)
    meets = Q(valid_from__lt=terms.valid_until, valid_until__gt=terms.valid_from)
    listed = ControlEntry.objects.filter(key=key, owner_region=terms.owner_region)
    if listed.filter(waits | Q(meets, state=ControlState.IN_FORCE)).exists():
        raise InvalidParametersError.one("number", _("该标识在此地区已列入名单，或正待复核"))
    entry = ControlEntry.objects.create(
        key=key,
        reason=terms.reason.strip(),
        owner_region=terms.owner_region,
        valid_from=terms.valid_from,
        valid_until=terms.valid_until,
        case=case,
        created_by=actor,
        created_at=now,
    )
    approval_request(
        kind=KIND,
        subject_type=SUBJECT_TYPE,
        subject_id=entry.pk,
        title=_("列入风控名单：%(key)s（%(region)s）") % {"key": key, "region": region_word(entry)},
        maker=actor,
        owner_region=entry.owner_region,
        now=now,
        reason=entry.reason,
    )
    return entry


def _assert_terms(terms: ControlTerms, now: datetime) -> None:
    if not terms.reason.strip():
        raise ReasonRequiredError
    assert_no_number("reason", terms.reason)
    wrong = []
    if terms.valid_until <= max(terms.valid_from, now):
        wrong.append(InvalidParam("valid_until", _("应晚于起始时间和现在")))
    if terms.valid_until - terms.valid_from > timedelta(days=MOST_DAYS):
        most = _("管控期不得超过 %(limit)s 天") % {"limit": MOST_DAYS}
        wrong.append(InvalidParam("valid_until", most, MOST_DAYS))
    if wrong:
        raise InvalidParametersError(invalid_params=wrong)


@retry_conflicts
def control_lift(*, entry_id: UUID, reason: str, actor: User, now: datetime) -> Approval:
    """Ask for an entry to be lifted before its end; it holds until a second person agrees.

    Raises:
        StateConflictError: it is not in force.
        PendingExistsError: lifting it waits for the second person already.
        ReasonRequiredError: no reason.
        InvalidParametersError: a whole number in the reason.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    if not reason.strip():
        raise ReasonRequiredError
    assert_no_number("reason", reason)
    with transaction_joined():
        entry = control_lock(entry_id)
        assert_may(actor, LIFT, entry.owner_region)
        if entry.state != ControlState.IN_FORCE:
            raise CONTROL_STATES.conflict(entry.state, ControlState.LIFTED)
        return approval_request(
            kind=LIFT_KIND,
            subject_type=SUBJECT_TYPE,
            subject_id=entry.pk,
            title=_("解除风控名单：%(key)s（%(region)s）")
            % {"key": entry.key, "region": region_word(entry)},
            maker=actor,
            owner_region=entry.owner_region,
            now=now,
            payload=lift_payload(entry, reason=reason, now=now),
            reason=reason,
        )


def lift_waits(entry_id: object) -> bool:
    """Tell whether lifting an entry waits for the second person."""
    return Approval.objects.filter(
        kind=LIFT_KIND,
        subject_type=SUBJECT_TYPE,
        subject_id=str(entry_id),
        state=ApprovalState.PENDING,
    ).exists()


def control_snapshot(subject_id: str, _payload: Mapping[str, Any]) -> object:
    """Return what the approval binds: the key by its id, the terms, the state."""
    entry = ControlEntry.objects.get(pk=subject_id)
    return {
        "key": entry.key_id,
        "reason": entry.reason,
        "region": entry.owner_region,
        "valid_from": to_plain(entry.valid_from),
        "valid_until": to_plain(entry.valid_until),
        "state": entry.state,
    }


def control_approved(approval: Approval, now: datetime) -> None:
    """Put an entry in force."""
    del now
    entry = control_lock(UUID(approval.subject_id))
    entry.approval = approval
    _move(entry, ControlState.IN_FORCE, "approval")


def control_closed(approval: Approval, now: datetime) -> None:
    """End an entry that was rejected or withdrawn."""
    del now
    _move(control_lock(UUID(approval.subject_id)), ControlState.REJECTED)


def lift_approved(approval: Approval, now: datetime) -> None:
    """Lift an entry."""
    entry = control_lock(UUID(approval.subject_id))
    entry.lift_approval, entry.lifted_at = approval, now
    _move(entry, ControlState.LIFTED, "lift_approval", "lifted_at")


def _move(entry: ControlEntry, target: ControlState, *fields: str) -> None:
    CONTROL_STATES.assert_transition(entry.state, target)
    entry.state = target
    entry.save(update_fields=["state", *fields])


CONTROL_APPROVAL = ApprovalKind(
    kind=KIND,
    title="列入风控名单",
    snapshot=control_snapshot,
    on_approved=control_approved,
    on_closed=control_closed,
    maker_action=ADD,
    checker_action="vouchers.approve_controlentry",
    director_action="vouchers.sign_controlentry",
    reader_action=VIEW,
    has_amount=False,
    describe=control_words,
)
LIFT_APPROVAL = ApprovalKind(
    kind=LIFT_KIND,
    title="解除风控名单",
    snapshot=control_snapshot,
    on_approved=lift_approved,
    maker_action=LIFT,
    checker_action="vouchers.approve_controlentry",
    director_action="vouchers.sign_controlentry",
    reader_action=VIEW,
    has_amount=False,
    describe=lift_words,
)
