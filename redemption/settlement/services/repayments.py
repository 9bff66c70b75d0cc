"""Cash a merchant pays back on what it owes beyond refunds that still wait for a line."""

from datetime import date, datetime
from uuid import UUID

from django.db import connection

from campaigns.models import Campaign
from core.access.models import User
from core.access.roles import assert_may
from core.audit.services import audit_record
from core.clock import business_date
from core.errors import DomainError
from core.ids import new_id
from core.ledger.models import AccountKind, Entry, EntryCode
from core.ledger.services import Transfer, entry_post
from core.transactions import retry_conflicts, transaction_joined
from merchants.models import Payee
from redemption.settlement import queries
from redemption.settlement.errors import NothingToRepayError, RepaymentRecordedError
from redemption.settlement.locks import settlement_lock
from redemption.settlement.models import MerchantRepayment


@retry_conflicts
def repayment_record(
    *,
    campaign_id: UUID,
    payee_id: UUID,
    funder_id: UUID,
    amount_fen: int,
    document_no: str,
    value_date: date,
    actor: User,
    now: datetime,
) -> MerchantRepayment:
    """Book a repayment: cash / merchant-receivable. The same document number counts once.

    Raises:
        NothingToRepayError: more than what is carried over for this payee and funder.
        RepaymentRecordedError: the document number is known with another amount.
        DomainError: ``access.not_found``, ``access.permission_denied``.
    """
    with transaction_joined():
        campaign = Campaign.objects.filter(pk=campaign_id).first()
        payee = Payee.objects.filter(pk=payee_id).first()
        if campaign is None or payee is None:
            raise DomainError("access.not_found")
        assert_may(actor, "redemption.add_merchantrepayment", campaign.owner_region)
        settlement_lock(campaign.pk, payee.acquirer_id)
        known = MerchantRepayment.objects.filter(
            campaign=campaign, payee=payee, funder_id=funder_id, document_no=document_no
        ).first()
        if known is not None:
            if known.amount_fen != amount_fen:
                raise RepaymentRecordedError
            return known
        limit = _carried(campaign.pk, payee.pk, funder_id)
        if not 0 < amount_fen <= limit:
            raise NothingToRepayError(data={"limit_fen": limit})
        repayment_id = new_id()
        source_key = f"repayment:{repayment_id}"
        entry_post(
            code=EntryCode.REPAY,
            campaign_id=campaign.pk,
            source_key=source_key,
            business_date=business_date(now),
            at=now,
            transfers=[
                Transfer(
                    funder_id,
                    AccountKind.CASH,
                    AccountKind.MERCHANT_RECEIVABLE,
                    amount_fen,
                    None,
                    payee.pk,
                )
            ],
        )
        repayment = MerchantRepayment.objects.create(
            id=repayment_id,
            campaign=campaign,
            payee=payee,
            funder_id=funder_id,
            amount_fen=amount_fen,
            document_no=document_no,
            value_date=value_date,
            entry=Entry.objects.get(source_key=source_key),
            owner_region=campaign.owner_region,
            recorded_by=actor,
            at=now,
        )
        audit_record(
            action="settlement.repay",
            subject_type="merchant_repayment",
            subject_id=repayment.pk,
            now=now,
            actor=actor,
            owner_region=campaign.owner_region,
            data={"payee": payee.pk, "amount_fen": amount_fen, "document_no": document_no},
        )
    return repayment


def _carried(campaign_id: UUID, payee_id: UUID, funder_id: UUID) -> int:
    with connection.cursor() as cursor:
        cursor.execute(queries.CARRIED, [campaign_id, [payee_id]])
        return {row[1]: int(row[2]) for row in cursor.fetchall()}.get(funder_id, 0)
