"""A batch's own switches: off by one person with a reason, on again by two (domain-rules §2)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
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
from core.states import StateConflictError
from core.transactions import retry_conflicts, transaction_joined
from vouchers.locks import batches_lock
from vouchers.models import Batch

Side = Literal["claims", "redemptions"]
SWITCH_KIND = "batch.switch_on"
SUBJECT_TYPE = "vouchers.batch"


@retry_conflicts
def batch_switch_off(
    *, batch_id: UUID, side: Side, reason: str, actor: User, now: datetime
) -> Batch:
    """Stop claims or redemptions of a batch; off already changes nothing.

    Raises:
        ReasonRequiredError: no reason.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    if not reason.strip():
        raise ReasonRequiredError
    with transaction_joined():
        batch = _locked(batch_id)
        assert_may(actor, "vouchers.pause_batch", batch.owner_region)
        _switch(batch, side, on=False, actor=actor, now=now, reason=reason)
    return batch


@retry_conflicts
def batch_switch_on_request(
    *, batch_id: UUID, side: Side, reason: str, actor: User, now: datetime
) -> Approval:
    """Ask to allow claims or redemptions of a batch again; a second person agrees.

    Raises:
        ReasonRequiredError: no reason.
        StateConflictError: it is on already.
        PendingExistsError: a request waits.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    if not reason.strip():
        raise ReasonRequiredError
    with transaction_joined():
        batch = _locked(batch_id)
        if getattr(batch, f"{side}_on"):
            raise StateConflictError(data={"state": f"{side}_on", "target": f"{side}_on"})
        return approval_request(
            kind=SWITCH_KIND,
            subject_type=SUBJECT_TYPE,
            subject_id=batch.pk,
            title=_("恢复批次：%(name)s（%(side)s）")
            % {"name": batch.name, "side": _("领取") if side == "claims" else _("核销")},
            maker=actor,
            owner_region=batch.owner_region,
            now=now,
            payload={"side": side},
            reason=reason,
        )


def switch_snapshot(subject_id: str, payload: Mapping[str, Any]) -> object:
    """Return the switch as it was when the request was made."""
    batch = Batch.objects.get(pk=subject_id)
    return {"side": payload["side"], "on": getattr(batch, f"{payload['side']}_on")}


def switch_approved(approval: Approval, now: datetime) -> None:
    """Switch on what the second person agreed to."""
    _switch(
        _locked(UUID(approval.subject_id)),
        approval.payload["side"],
        on=True,
        actor=approval.maker,
        now=now,
        reason=approval.reason,
    )


SWITCH_APPROVAL = ApprovalKind(
    kind=SWITCH_KIND,
    title="恢复批次",
    snapshot=switch_snapshot,
    on_approved=switch_approved,
    maker_action="vouchers.restart_batch",
    checker_action="vouchers.approve_batch",
    director_action="vouchers.sign_batch",
    has_amount=False,
)


def _locked(batch_id: UUID) -> Batch:
    batches = batches_lock(batch_ids=[batch_id])
    if not batches:
        raise DomainError("access.not_found")
    return batches[0]


def _meant(batch: Batch, side: Side) -> list[Batch]:
    """Return what a switch works on: parts are claimed by their pack, a pack is used by parts."""
    if side == "claims" and batch.pack_id is not None:
        return batches_lock(batch_ids=[batch.pack_id])
    if side == "redemptions" and batch.kind == Batch.Kind.PACK:
        return batches_lock(batch_ids=batch.parts.values_list("pk", flat=True))
    return [batch]


def _switch(batch: Batch, side: Side, *, on: bool, actor: User, now: datetime, reason: str) -> None:
    for one in _meant(batch, side):
        _switch_one(one, side, on=on, actor=actor, now=now, reason=reason)


def _switch_one(
    batch: Batch, side: Side, *, on: bool, actor: User, now: datetime, reason: str
) -> None:
    name = f"{side}_on"
    if getattr(batch, name) == on:
        return
    setattr(batch, name, on)
    batch.save(update_fields=[name])
    audit_record(
        action=f"batch.{side}_{'on' if on else 'off'}",
        subject_type=SUBJECT_TYPE,
        subject_id=batch.pk,
        now=now,
        actor=actor,
        owner_region=batch.owner_region,
        reason=reason,
        data={"code": batch.code, "old": not on, "new": on},
    )
