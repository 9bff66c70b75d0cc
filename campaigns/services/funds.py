"""Cash that comes and goes: 经办 enters, 复核 approves, then it is booked (domain-rules §2)."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.db.transaction import atomic
from django.utils.translation import gettext as _

from campaigns.errors import (
    AmountInvalidError,
    FundsDuplicateError,
    FundsExceedError,
    FundsNotCashError,
)
from campaigns.locks import campaign_lock
from campaigns.models import Campaign, Funding, FundsMovement
from campaigns.services.descriptions import funds_words
from campaigns.services.money import balance_fen
from campaigns.services.recording import campaign_audit_record, reason_required
from core.access.models import User
from core.approvals.models import Approval
from core.approvals.registry import ApprovalKind
from core.approvals.services import approval_request
from core.clock import business_date
from core.errors import DomainError
from core.ids import new_id
from core.ledger.models import AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from core.money import MAX_FEN
from core.transactions import retry_conflicts, transaction_joined

FUNDS_KIND = "campaign.funds"
SUBJECT_TYPE = "campaigns.fundsmovement"
Kind = FundsMovement.Kind

BOOKED: Mapping[str, tuple[EntryCode, AccountKind, AccountKind, AccountKind | None]] = {
    Kind.RECEIVED: (
        EntryCode.FUNDS_RECEIVED,
        AccountKind.CASH,
        AccountKind.FUNDER_RECEIVABLE,
        AccountKind.FUNDER_RECEIVABLE,
    ),
    Kind.ADVANCE_REPAID: (
        EntryCode.ADVANCE_REPAID,
        AccountKind.ADVANCE_PAYABLE,
        AccountKind.CASH,
        AccountKind.ADVANCE_PAYABLE,
    ),
    Kind.LEFTOVER_RETURNED: (
        EntryCode.LEFTOVER_RETURNED,
        AccountKind.RETURN_PAYABLE,
        AccountKind.CASH,
        AccountKind.RETURN_PAYABLE,
    ),
    Kind.INTEREST: (EntryCode.INTEREST, AccountKind.CASH, AccountKind.RETURN_PAYABLE, None),
}
"""Kind → entry, debit, credit, and the account whose balance is the most that can be entered."""


@retry_conflicts
def funds_movement_request(
    *,
    campaign_id: UUID,
    funder_id: UUID,
    kind: str,
    amount_fen: int,
    document_no: str,
    value_date: date,
    actor: User,
    now: datetime,
    reason: str = "",
) -> Approval:
    """Enter cash received, an advance repaid, leftover returned or interest; a checker books it.

    ``value_date`` is the bank's; ``document_no`` identifies the paper, once per kind and funder.

    Raises:
        AmountInvalidError, FundsNotCashError, FundsDuplicateError.
        FundsExceedError: more than the books allow; data: limit_fen.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    document_no = reason_required(document_no)
    with transaction_joined():
        campaign = campaign_lock(campaign_id)
        _assert_bookable(campaign, funder_id, Kind(kind), amount_fen)
        same = FundsMovement.objects.filter(
            campaign=campaign, funder_id=funder_id, kind=kind, document_no=document_no
        )
        if same.exists():
            raise FundsDuplicateError
        return approval_request(
            kind=FUNDS_KIND,
            subject_type=SUBJECT_TYPE,
            subject_id=new_id(),
            title=_("%(kind)s %(number)s：%(title)s")
            % {"kind": Kind(kind).label, "number": document_no, "title": campaign.title},
            maker=actor,
            owner_region=campaign.owner_region,
            now=now,
            amount_fen=amount_fen,
            payload={
                "campaign": str(campaign.pk),
                "funder": str(funder_id),
                "kind": kind,
                "amount_fen": amount_fen,
                "document_no": document_no,
                "value_date": value_date,
            },
            reason=reason,
        )


def funds_snapshot(_subject_id: str, payload: Mapping[str, Any]) -> object:
    """Return what a movement is about; everything is in what was entered."""
    return dict(payload)


def funds_approved(approval: Approval, now: datetime) -> None:
    """Book an approved movement under the id it was entered with."""
    content = approval.payload
    campaign = campaign_lock(UUID(content["campaign"]))
    funder_id, kind = UUID(content["funder"]), Kind(content["kind"])
    amount_fen = int(content["amount_fen"])
    _assert_bookable(campaign, funder_id, kind, amount_fen)
    code, debit, credit, _limit = BOOKED[kind]
    campaign_audit_record(
        campaign, "campaign.funds", actor=approval.maker, now=now, data=dict(content)
    )
    entry_id = entry_post(
        code=code,
        campaign_id=campaign.pk,
        source_key=f"funds:{approval.subject_id}",
        business_date=business_date(now),
        at=now,
        transfers=[Transfer(funder_id, debit, credit, amount_fen)],
    )
    if entry_id is None:
        raise AmountInvalidError
    try:
        with atomic():
            FundsMovement.objects.create(
                id=UUID(approval.subject_id),
                campaign=campaign,
                funder_id=funder_id,
                kind=kind,
                amount_fen=amount_fen,
                document_no=content["document_no"],
                value_date=date.fromisoformat(content["value_date"]),
                approval=approval,
                entry_id=entry_id,
                owner_region=campaign.owner_region,
                at=now,
            )
    except IntegrityError as error:
        if "funds_movement_once" not in str(error):
            raise
        raise FundsDuplicateError from error


FUNDS_APPROVAL = ApprovalKind(
    kind=FUNDS_KIND,
    title="资金收支",
    snapshot=funds_snapshot,
    on_approved=funds_approved,
    maker_action="campaigns.add_fundsmovement",
    checker_action="campaigns.approve_fundsmovement",
    director_action="campaigns.sign_fundsmovement",
    describe=funds_words,
)


def amount_assert(amount_fen: int) -> None:
    """Check that an amount is a positive number of fen within bounds; AmountInvalidError if not."""
    if not 0 < amount_fen <= MAX_FEN:
        raise AmountInvalidError


def cash_funding(campaign: Campaign, funder_id: UUID) -> Funding:
    """Return the funding of a funder that gives cash to this campaign.

    Raises:
        FundsNotCashError: 商户让利.
        DomainError: ``access.not_found`` if he funds another campaign only.
    """
    funding = campaign.fundings.filter(funder_id=funder_id).first()
    if funding is None:
        raise DomainError("access.not_found")
    if funding.mode == Funding.Mode.MERCHANT_CONCESSION:
        raise FundsNotCashError
    return funding


def _assert_bookable(
    campaign: Campaign, funder_id: UUID, kind: FundsMovement.Kind, amount_fen: int
) -> None:
    amount_assert(amount_fen)
    cash_funding(campaign, funder_id)
    _code, _debit, credit, limit = BOOKED[kind]
    limits = [limit] if limit else []
    if credit == AccountKind.CASH:
        limits.append(AccountKind.CASH)
    for account in limits:
        limit_fen = balance_fen(campaign.pk, account, funder_id)
        if amount_fen > limit_fen:
            raise FundsExceedError(data={"limit_fen": limit_fen})
