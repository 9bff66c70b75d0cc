"""What hold and confirm of `bench.orm_pairs` share: facts for the rules, a step, an entry."""

from datetime import date
from typing import Any
from uuid import UUID

from campaigns.models import CampaignState, WhitelistEntry
from core.ids import NIL, new_id
from core.ledger.models import Account, AccountKind, Entry, EntryCode, Posting
from merchants.models import Terminal
from redemption.models import Redemption, RedemptionStep
from redemption.rules.facts import PaymentFacts, PlaceFacts, VoucherFacts
from redemption.services.requests import ConfirmCommand, HoldCommand, PaymentRequest
from redemption.states import StepKind
from vouchers.models import Voucher
from vouchers.rules.model import rules_read

OVER = (CampaignState.CLEARING, CampaignState.AUDITED, CampaignState.CLOSED)
Command = HoldCommand | ConfirmCommand
Side = tuple[AccountKind, UUID]
"""Kind of an account and the batch or payee it is for."""
NO_UNIT = NIL


def redemption_known(kind: StepKind, command: Command) -> Redemption | None:
    """Return the redemption this key was used for."""
    step = (
        RedemptionStep.objects.select_related("redemption")
        .filter(
            client_id=command.client_id,
            kind=kind,
            idempotency_key=command.idempotency_key,
            fingerprint=command.fingerprint,
        )
        .first()
    )
    return step.redemption if step else None


def step_write(
    kind: StepKind,
    redemption: Redemption,
    command: Command,
    entry: Entry,
    *,
    funder_ids: list[UUID],
    parts: list[int],
    reference: str,
    detail: dict[str, Any],
) -> None:
    """Write the fact of a hold or confirm."""
    RedemptionStep.objects.create(
        redemption=redemption,
        seq=redemption.last_step,
        kind=kind,
        client_id=command.client_id,
        idempotency_key=command.idempotency_key,
        fingerprint=command.fingerprint,
        order_fen=redemption.order_fen,
        payer_fen=redemption.payable_fen,
        subsidy_fen=redemption.subsidy_fen,
        funder_ids=funder_ids,
        parts=parts,
        reference=reference,
        entry=entry,
        business_date=entry.business_date,
        at=command.at,
        detail=detail,
    )


def entry_write(code: EntryCode, redemption: Redemption, command: Command, day: date) -> Entry:
    """Open an entry; postings follow one by one."""
    entry_id = new_id()
    return Entry.objects.create(
        id=entry_id,
        code=code,
        campaign_id=redemption.campaign_id,
        source_key=f"{code.lower()}:{entry_id}",
        business_date=day,
        at=command.at,
    )


def posting_write(entry: Entry, funder_id: UUID, debit: Side, credit: Side, fen: int) -> None:
    """Move money from one account to another; the ledger's trigger moves the balances."""
    if fen == 0:
        return
    Posting.objects.create(
        entry=entry,
        campaign_id=entry.campaign_id,
        funder_id=funder_id,
        debit_account=_account(entry, funder_id, debit),
        credit_account=_account(entry, funder_id, credit),
        amount_fen=fen,
    )


def _account(entry: Entry, funder_id: UUID, side: Side) -> Account:
    kind, unit_id = side
    account, _created = Account.objects.get_or_create(
        kind=kind, campaign_id=entry.campaign_id, funder_id=funder_id, unit_id=unit_id
    )
    return account


def voucher_facts(voucher: Voucher) -> VoucherFacts:
    """Spell a voucher with its campaign, batch and version for the rules."""
    campaign, batch = voucher.campaign, voucher.batch
    return VoucherFacts(
        voucher_id=voucher.pk,
        batch_id=batch.pk,
        campaign_id=campaign.pk,
        enrolment_id=voucher.enrolment_id,
        client_id=voucher.client_id,
        face_fen=voucher.face_fen,
        parts=tuple(voucher.parts),
        funder_ids=tuple(batch.funder_ids),
        state=voucher.state,
        valid_from=voucher.valid_from,
        valid_until=voucher.valid_until,
        held_until=None,
        rules=rules_read(voucher.batch_version.rules),
        batch_code=batch.code,
        batch_name=batch.name,
        owner_region=voucher.owner_region,
        campaign_regions=tuple(campaign.regions),
        paused=not (batch.redemptions_on and campaign.redemptions_on) or campaign.state in OVER,
    )


def payment_facts(
    payment: PaymentRequest, terminal: Terminal, listed: WhitelistEntry | None
) -> PaymentFacts:
    """Spell a payment and the till it takes place at for the rules."""
    store, merchant = terminal.store, terminal.store.merchant
    return PaymentFacts(
        at=payment.at,
        order_fen=payment.order_fen,
        other_discount_fen=payment.other_discount_fen,
        flow=payment.flow,
        card_bin=payment.card_bin,
        place=PlaceFacts(
            acquirer_id=terminal.acquirer_id,
            merchant_id=merchant.pk,
            store_id=store.pk,
            store_no=store.store_no,
            terminal_id=terminal.pk,
            store_region=store.region_code,
            industry=merchant.industry,
            mcc=merchant.mcc,
            brand="",
            tier=merchant.tier,
            store_active=store.is_active,
            merchant_state=merchant.state,
        ),
        listed_in=frozenset({listed.whitelist.campaign_id} if listed else ()),
        region_at=payment.region_code,
        items=payment.items,
    )
