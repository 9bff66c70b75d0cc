"""调账: corrections of the books from a closed list, by two people (docs/decisions)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.errors import AdjustmentNotAllowedError, FundsExceedError
from campaigns.locks import campaign_lock
from campaigns.models import Campaign, Funder
from campaigns.services.funds import amount_assert, cash_funding
from campaigns.services.money import balance_fen
from campaigns.services.recording import campaign_audit_record, reason_required
from core.access.models import User
from core.approvals.models import Approval
from core.approvals.registry import ApprovalKind
from core.approvals.services import approval_request
from core.clock import business_date
from core.ids import new_id
from core.ledger.models import AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from core.money import yuan_text
from core.transactions import retry_conflicts, transaction_joined
from merchants.models import Payee

ADJUSTMENT_KIND = "campaign.adjustment"
SUBJECT_TYPE = "campaigns.adjustment"


class AdjustmentKind(models.TextChoices):
    """Everything that may be corrected by hand; anything else has an event of its own."""

    RECEIPT_REVERSED = "RECEIPT_REVERSED", gettext_lazy("冲回误记到账")
    ADVANCE_REVERSED = "ADVANCE_REVERSED", gettext_lazy("冲回误记垫付归还")
    RETURN_REVERSED = "RETURN_REVERSED", gettext_lazy("冲回误记缴回")
    RECEIVABLE_WRITTEN_OFF = "RECEIVABLE_WRITTEN_OFF", gettext_lazy("核销无法收回的应收商户款")


@dataclass(frozen=True, slots=True)
class _Accounts:
    debit: AccountKind
    credit: AccountKind
    needs_payee: bool = False


ACCOUNTS: Mapping[str, _Accounts] = {
    AdjustmentKind.RECEIPT_REVERSED: _Accounts(AccountKind.FUNDER_RECEIVABLE, AccountKind.CASH),
    AdjustmentKind.ADVANCE_REVERSED: _Accounts(AccountKind.CASH, AccountKind.ADVANCE_PAYABLE),
    AdjustmentKind.RETURN_REVERSED: _Accounts(AccountKind.CASH, AccountKind.RETURN_PAYABLE),
    AdjustmentKind.RECEIVABLE_WRITTEN_OFF: _Accounts(
        AccountKind.AVAILABLE, AccountKind.MERCHANT_RECEIVABLE, needs_payee=True
    ),
}


@retry_conflicts
def adjustment_request(
    *,
    campaign_id: UUID,
    funder_id: UUID,
    kind: str,
    amount_fen: int,
    reason: str,
    actor: User,
    now: datetime,
    payee_id: UUID | None = None,
) -> Approval:
    """Enter an adjustment; a checker books it as a new entry, nothing written is ever changed.

    ``payee_id`` names whose receivable is written off.

    Raises:
        AdjustmentNotAllowedError: the kind is not on the list, or the payee does not fit.
        AmountInvalidError, FundsNotCashError, FundsExceedError, ReasonRequiredError.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    text = reason_required(reason)
    with transaction_joined():
        campaign = campaign_lock(campaign_id)
        content = {
            "campaign": str(campaign.pk),
            "funder": str(funder_id),
            "kind": kind,
            "amount_fen": amount_fen,
            "payee": str(payee_id) if payee_id else None,
        }
        _transfer(content)
        return approval_request(
            kind=ADJUSTMENT_KIND,
            subject_type=SUBJECT_TYPE,
            subject_id=new_id(),
            title=_("调账（%(kind)s）：%(title)s")
            % {"kind": AdjustmentKind(kind).label, "title": campaign.title},
            maker=actor,
            owner_region=campaign.owner_region,
            now=now,
            amount_fen=amount_fen,
            payload=content,
            reason=text,
        )


def adjustment_snapshot(_subject_id: str, payload: Mapping[str, Any]) -> object:
    """Return what an adjustment is about; everything is in what was entered."""
    return dict(payload)


def adjustment_words(_subject_id: str, payload: Mapping[str, Any]) -> list[str]:
    """Say what is corrected, for whom, and which accounts it moves between."""
    campaign = Campaign.objects.get(pk=payload["campaign"])
    funder = Funder.objects.get(pk=payload["funder"])
    accounts = ACCOUNTS[payload["kind"]]
    lines = [
        f"{campaign.title} · {funder.name}",
        _("%(kind)s %(amount)s 元")
        % {
            "kind": AdjustmentKind(payload["kind"]).label,
            "amount": yuan_text(payload["amount_fen"]),
        },
        _("借：%(debit)s；贷：%(credit)s")
        % {"debit": accounts.debit.label, "credit": accounts.credit.label},
    ]
    if payload["payee"]:
        payee = Payee.objects.get(pk=payload["payee"])
        lines.append(_("收款方：%(payee)s") % {"payee": payee.account_name})
    return lines


def adjustment_approved(approval: Approval, now: datetime) -> None:
    """Book an approved adjustment."""
    campaign = campaign_lock(UUID(approval.payload["campaign"]))
    transfer = _transfer(approval.payload)
    campaign_audit_record(
        campaign,
        "campaign.adjustment",
        actor=approval.maker,
        now=now,
        reason=approval.reason,
        data=dict(approval.payload),
    )
    entry_post(
        code=EntryCode.ADJUSTMENT,
        campaign_id=campaign.pk,
        source_key=f"adjustment:{approval.subject_id}",
        business_date=business_date(now),
        at=now,
        transfers=[transfer],
    )


ADJUSTMENT_APPROVAL = ApprovalKind(
    kind=ADJUSTMENT_KIND,
    title="调账",
    snapshot=adjustment_snapshot,
    on_approved=adjustment_approved,
    maker_action="campaigns.add_fundsmovement",
    checker_action="campaigns.approve_fundsmovement",
    director_action="campaigns.sign_fundsmovement",
    describe=adjustment_words,
)


def _transfer(content: Mapping[str, Any]) -> Transfer:
    """Return the transfer of an adjustment, after checking that the books allow it."""
    accounts = ACCOUNTS.get(content["kind"])
    payee_id = UUID(content["payee"]) if content["payee"] else None
    if accounts is None or accounts.needs_payee != (payee_id is not None):
        raise AdjustmentNotAllowedError
    amount_fen = int(content["amount_fen"])
    amount_assert(amount_fen)
    campaign = campaign_lock(UUID(content["campaign"]))
    funder_id = UUID(content["funder"])
    cash_funding(campaign, funder_id)
    reduced = {AccountKind.CASH, AccountKind.MERCHANT_RECEIVABLE} & {accounts.credit}
    reduced |= {AccountKind.AVAILABLE} & {accounts.debit}
    for kind in sorted(reduced):
        unit = payee_id if kind == AccountKind.MERCHANT_RECEIVABLE else None
        limit_fen = balance_fen(campaign.pk, kind, funder_id, unit)
        if amount_fen > limit_fen:
            raise FundsExceedError(data={"limit_fen": limit_fen})
    return Transfer(funder_id, accounts.debit, accounts.credit, amount_fen, credit_unit=payee_id)
