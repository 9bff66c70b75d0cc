"""Check, approve and reject a settlement batch (DRAFT → CHECKED → APPROVED, or REJECTED)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from core.access.errors import ReasonRequiredError
from core.access.models import User
from core.access.roles import assert_may
from core.approvals.models import Approval, ApprovalState
from core.approvals.registry import ApprovalKind
from core.approvals.services import approval_request
from core.audit.services import audit_record
from core.clock import business_date
from core.ids import new_number
from core.ledger.models import AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from core.money import yuan_text
from core.transactions import retry_conflicts, transaction_joined
from redemption.settlement import queries
from redemption.settlement.descriptions import batch_words
from redemption.settlement.errors import (
    ApprovalPendingError,
    BatchContentError,
    BatchNotBuiltError,
    LaterBatchError,
)
from redemption.settlement.locks import batch_locked, settlement_lock
from redemption.settlement.models import Payout, SettlementBatch
from redemption.settlement.states import BATCH_STATES, BatchState

KIND = "settlement.batch"
SUBJECT = "settlement_batch"
REFERENCE_DIGITS = 18


@retry_conflicts
def settlement_check(*, batch_id: UUID, actor: User, now: datetime) -> SettlementBatch:
    """Compare a batch with its facts and mark it checked (核对); again changes nothing.

    Raises:
        BatchNotBuiltError, BatchContentError: it is not complete, or does not agree.
        StateConflictError: it is past that.
        DomainError: ``access.not_found``, ``access.permission_denied``.
    """
    with transaction_joined():
        batch = batch_locked(batch_id)
        assert_may(actor, "redemption.check_settlementbatch", batch.owner_region)
        BATCH_STATES.assert_transition(batch.state, BatchState.CHECKED)
        if batch.state == BatchState.CHECKED:
            return batch
        if batch.built_at is None:
            raise BatchNotBuiltError
        _assert_sound(batch)
        batch.state, batch.checked_by, batch.checked_at = BatchState.CHECKED, actor, now
        batch.save(update_fields=["state", "checked_by", "checked_at"])
        _audit(batch, "settlement.check", actor, "", now)
    return batch


@retry_conflicts
def settlement_submit(*, batch_id: UUID, maker: User, now: datetime, reason: str = "") -> Approval:
    """Ask for the approval of a checked batch; it binds every line.

    Raises:
        StateConflictError: the batch is not CHECKED.
        PendingExistsError: it waits already.
        DomainError: ``access.not_found``, ``access.permission_denied``.
    """
    with transaction_joined():
        batch = batch_locked(batch_id)
        if batch.state != BatchState.CHECKED:
            raise BATCH_STATES.conflict(batch.state, BatchState.APPROVED)
        return approval_request(
            kind=KIND,
            subject_type=SUBJECT,
            subject_id=batch.pk,
            title=_("结算批次 %(code)s，实付 %(yuan)s 元")
            % {"code": batch.code, "yuan": yuan_text(batch.payout_fen)},
            maker=maker,
            owner_region=batch.owner_region,
            now=now,
            amount_fen=batch.payout_fen,
            reason=reason,
        )


@retry_conflicts
def settlement_reject(
    *, batch_id: UUID, actor: User, reason: str, now: datetime
) -> SettlementBatch:
    """Take an unapproved batch apart: its facts are free again, the ledger goes back.

    Refused while a later batch of the same payees stands, since that one brought in what this one
    carried out. The items are deleted, which the audit log records with their digest.

    Raises:
        ReasonRequiredError, ApprovalPendingError, LaterBatchError, BatchNotBuiltError.
        StateConflictError: it is approved or rejected already.
        DomainError: ``access.not_found``, ``access.permission_denied``.
    """
    if not reason.strip():
        raise ReasonRequiredError
    with transaction_joined():
        pair = SettlementBatch.objects.filter(pk=batch_id).values_list("campaign", "acquirer")
        for campaign_id, acquirer_id in pair:
            settlement_lock(campaign_id, acquirer_id)
        batch = batch_locked(batch_id)
        assert_may(actor, "redemption.change_settlementbatch", batch.owner_region)
        BATCH_STATES.assert_transition(batch.state, BatchState.REJECTED)
        if batch.state == BatchState.REJECTED:
            return batch
        if Approval.objects.filter(
            subject_type=SUBJECT, subject_id=str(batch.pk), state=ApprovalState.PENDING
        ).exists():
            raise ApprovalPendingError
        _assert_latest(batch)
        digest = content_digest(batch.pk)
        nets = payee_nets(batch.pk)
        with connection.cursor() as cursor:
            cursor.execute(queries.ITEMS_DELETE, [batch.pk])
            deleted = cursor.rowcount
        batch.state, batch.rejected_at, batch.reject_reason = BatchState.REJECTED, now, reason
        batch.save(update_fields=["state", "rejected_at", "reject_reason"])
        _audit(batch, "settlement.reject", actor, reason, now, items=deleted, **digest)
        entry_post(
            code=EntryCode.UNASSIGN,
            campaign_id=batch.campaign_id,
            source_key=f"settlement:unassign:{batch.pk}",
            business_date=business_date(now),
            at=now,
            transfers=[
                Transfer(funder_id, debit, AccountKind.PAYABLE, fen, payee_id, payee_id)
                for payee_id, funder_id, pay_fen, netted_fen in nets
                for debit, fen in (
                    (AccountKind.SETTLING, pay_fen),
                    (AccountKind.MERCHANT_RECEIVABLE, netted_fen),
                )
            ],
        )
    return batch


def batch_snapshot(subject_id: str, _payload: Mapping[str, Any]) -> object:
    """Return what an approval of a batch is about: its totals and a digest of every line."""
    batch = SettlementBatch.objects.get(pk=subject_id)
    return {
        "code": batch.code,
        "business_date": batch.business_date,
        "due_on": batch.due_on,
        "payout_fen": batch.payout_fen,
        "fact_count": batch.fact_count,
        **content_digest(batch.pk),
    }


def batch_approved(approval: Approval, now: datetime) -> None:
    """Put an approval into effect: payouts per payee, settling → in-transit."""
    batch = batch_locked(UUID(approval.subject_id))
    if batch.state != BatchState.CHECKED:
        raise BATCH_STATES.conflict(batch.state, BatchState.APPROVED)
    _assert_sound(batch)
    nets = payee_nets(batch.pk)
    batch.state, batch.approval, batch.approved_at = BatchState.APPROVED, approval, now
    batch.save(update_fields=["state", "approval", "approved_at"])
    _payouts_make(batch, nets, now)
    entry_post(
        code=EntryCode.APPROVE,
        campaign_id=batch.campaign_id,
        source_key=f"settlement:approve:{batch.pk}",
        business_date=business_date(now),
        at=now,
        transfers=[
            Transfer(
                funder_id,
                AccountKind.SETTLING,
                AccountKind.IN_TRANSIT,
                pay_fen,
                payee_id,
                payee_id,
            )
            for payee_id, funder_id, pay_fen, _netted in nets
        ],
    )


BATCH_APPROVAL = ApprovalKind(
    kind=KIND,
    title="结算批次",
    snapshot=batch_snapshot,
    on_approved=batch_approved,
    maker_action="redemption.submit_settlementbatch",
    checker_action="redemption.approve_settlementbatch",
    director_action="redemption.sign_settlementbatch",
    describe=batch_words,
)


def payee_nets(batch_id: UUID) -> list[tuple[UUID, UUID, int, int]]:
    """Return (payee, funder, fen to pay, fen netted) of a batch, in payee and funder order."""
    with connection.cursor() as cursor:
        cursor.execute(queries.PAYEE_NETS, {"batch": batch_id})
        return list(cursor.fetchall())


def content_digest(batch_id: UUID) -> dict[str, Any]:
    """Return how many lines a batch has and a SHA-256 over all of them."""
    with connection.cursor() as cursor:
        cursor.execute(queries.CONTENT_DIGEST, [batch_id])
        lines, digest = cursor.fetchone()
    return {"lines": lines, "lines_sha256": digest}


def _payouts_make(
    batch: SettlementBatch, nets: list[tuple[UUID, UUID, int, int]], now: datetime
) -> None:
    regions = dict(batch.lines.values_list("payee_id", "store_region"))
    parts: dict[UUID, list[tuple[UUID, int]]] = {}
    for payee_id, funder_id, pay_fen, _netted in nets:
        if pay_fen:
            parts.setdefault(payee_id, []).append((funder_id, pay_fen))
    Payout.objects.bulk_create(
        Payout(
            reference=f"PO{new_number(REFERENCE_DIGITS)}",
            batch=batch,
            payee_id=payee_id,
            funder_ids=[funder_id for funder_id, _fen in shares],
            parts=[fen for _funder, fen in shares],
            amount_fen=sum(fen for _funder, fen in shares),
            owner_region=batch.owner_region,
            store_region=regions[payee_id],
            created_at=now,
        )
        for payee_id, shares in parts.items()
    )


def _assert_sound(batch: SettlementBatch) -> None:
    with connection.cursor() as cursor:
        cursor.execute(queries.FAULTS, {"batch": batch.pk})
        faults = [row[0] for row in cursor.fetchall()]
    if faults:
        raise BatchContentError(data={"faults": ", ".join(faults)})


def _assert_latest(batch: SettlementBatch) -> None:
    if batch.built_at is None:
        raise BatchNotBuiltError
    with connection.cursor() as cursor:
        cursor.execute(
            queries.LATER_BATCH,
            {
                "campaign": batch.campaign_id,
                "acquirer": batch.acquirer_id,
                "created_at": batch.created_at,
                "batch": batch.pk,
            },
        )
        row = cursor.fetchone()
    if row:
        raise LaterBatchError(data={"batch": row[0]})


def _audit(
    batch: SettlementBatch,
    action: str,
    actor: User,
    reason: str,
    now: datetime,
    **data: object,
) -> None:
    audit_record(
        action=action,
        subject_type=SUBJECT,
        subject_id=batch.pk,
        now=now,
        actor=actor,
        owner_region=batch.owner_region,
        reason=reason,
        data={"code": batch.code, "state": batch.state, "payout_fen": batch.payout_fen, **data},
    )
