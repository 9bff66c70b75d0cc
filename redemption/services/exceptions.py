"""The exceptions list: give an item an owner, and say what was done about it."""

from datetime import datetime
from uuid import UUID

from core.access.errors import ReasonRequiredError
from core.access.models import User
from core.access.roles import assert_may
from core.audit.services import audit_record
from core.errors import DomainError
from core.states import state_table
from core.transactions import retry_conflicts, transaction_joined
from redemption.models import ExceptionItem

ACTION = "redemption.change_exceptionitem"
EXCEPTION_STATES = state_table("redemption.ExceptionItem", [("OPEN", "RESOLVED")])


@retry_conflicts
def exception_assign(*, item_id: UUID, owner: User, actor: User, now: datetime) -> ExceptionItem:
    """Give an item an owner (负责人).

    Raises:
        StateConflictError: it is resolved.
        DomainError: ``access.not_found``, ``access.permission_denied``.
    """
    with transaction_joined():
        item = _locked(item_id, actor)
        if item.state != ExceptionItem.State.OPEN:
            raise EXCEPTION_STATES.conflict(item.state, ExceptionItem.State.OPEN)
        item.owner = owner
        item.save(update_fields=["owner"])
        _audit(item, "exception.assign", actor, "", now)
    return item


@retry_conflicts
def exception_resolve(
    *, item_id: UUID, resolution: str, actor: User, now: datetime
) -> ExceptionItem:
    """Close an item with what was done; again changes nothing.

    Raises:
        ReasonRequiredError: nothing was said.
        DomainError: ``access.not_found``, ``access.permission_denied``.
    """
    if not resolution.strip():
        raise ReasonRequiredError
    with transaction_joined():
        item = _locked(item_id, actor)
        if item.state == ExceptionItem.State.RESOLVED:
            return item
        item.state, item.resolution = ExceptionItem.State.RESOLVED, resolution
        item.resolved_at, item.owner = now, item.owner or actor
        item.save(update_fields=["state", "resolution", "resolved_at", "owner"])
        _audit(item, "exception.resolve", actor, resolution, now)
    return item


def _locked(item_id: UUID, actor: User) -> ExceptionItem:
    item = ExceptionItem.objects.select_for_update(of=("self",)).filter(pk=item_id).first()
    if item is None:
        raise DomainError("access.not_found")
    assert_may(actor, ACTION, item.owner_region)
    return item


def _audit(item: ExceptionItem, action: str, actor: User, reason: str, now: datetime) -> None:
    audit_record(
        action=action,
        subject_type="exception_item",
        subject_id=item.pk,
        now=now,
        actor=actor,
        owner_region=item.owner_region,
        reason=reason,
        data={"kind": item.kind, "subject": item.subject_id, "owner": item.owner_id},
    )
