"""Hold and confirm as plain Django: what `bench.service_pairs` compares the services with.

One transaction per call; rows are locked by `select_for_update` and written by `create` and
`save`, one at a time. Rules and rows are those of the services: the same Python rules say what
speaks against a payment, and the same invariants hold of the books. It does less where the bench
does not ask for it: no payment codes, no limits on use, no hold is timed out, no late confirm.
Balances are moved by the ledger's own trigger, which spares it to lock and save accounts.
"""

from datetime import timedelta

from django.db import transaction

from bench.orm_books import (
    NO_UNIT,
    entry_write,
    payment_facts,
    posting_write,
    redemption_known,
    step_write,
    voucher_facts,
)
from campaigns.models import WhitelistEntry
from core.clock import business_date
from core.errors import Refusal
from core.ledger.models import AccountKind, EntryCode
from merchants.models import Payee, Terminal
from redemption.models import Redemption, RedemptionLine
from redemption.rules.amounts import amounts
from redemption.rules.deadlines import cancellable_until, payout_expected_on
from redemption.rules.eligibility import eligibility
from redemption.services.requests import ConfirmCommand, HoldCommand, PaymentRequest
from redemption.states import RedemptionState, StepKind
from vouchers.models import Voucher
from vouchers.states import VoucherState


class RefusedError(Exception):
    """The payment was refused, for all these reasons."""

    def __init__(self, refusals: list[Refusal]) -> None:
        """Keep the reasons."""
        super().__init__(refusals)


@transaction.atomic
def hold(command: HoldCommand) -> Redemption:
    """Hold the named voucher for a payment; a known key gets its redemption again.

    Raises:
        RefusedError: something speaks against it.
    """
    known = redemption_known(StepKind.HOLD, command)
    if known is not None:
        return known
    payment = command.payment
    voucher = (
        Voucher.objects.select_for_update(of=("self",))
        .select_related("campaign", "batch", "batch_version")
        .get(pk=payment.voucher_ids[0], client_id=command.client_id)
    )
    terminal, payee = _till(payment)
    listed = (
        WhitelistEntry.objects.select_related("whitelist")
        .filter(
            whitelist__campaign=voucher.campaign,
            whitelist__state="IN_FORCE",
            store=terminal.store,
        )
        .first()
    )
    facts = voucher_facts(voucher)
    about = payment_facts(payment, terminal, listed)
    refusals = eligibility(facts, about)
    taken = Redemption.objects.filter(
        client_id=command.client_id,
        store=terminal.store,
        order_no=command.order_no,
        state__in=(RedemptionState.HELD, RedemptionState.CONFIRMED),
    )
    if taken.exists():
        refusals.append(Refusal("redemption.stacking_not_allowed", {"limit": 1}))
    if refusals:
        raise RefusedError(refusals)
    cost = amounts(facts, about)
    redemption = Redemption.objects.create(
        client_id=command.client_id,
        campaign=voucher.campaign,
        enrolment_id=voucher.enrolment_id,
        voucher_client_id=voucher.client_id,
        acquirer=terminal.acquirer,
        merchant=terminal.store.merchant,
        store=terminal.store,
        terminal=terminal,
        payee=payee,
        whitelist=listed.whitelist if listed else None,
        owner_region=voucher.owner_region,
        store_region=terminal.store.region_code,
        order_no=command.order_no,
        flow=payment.flow,
        card_bin=payment.card_bin,
        order_fen=cost.order_fen,
        other_discount_fen=cost.other_discount_fen,
        subsidy_fen=cost.subsidy_fen,
        payable_fen=cost.payable_fen,
        held_at=command.at,
        hold_expires_at=command.at + timedelta(seconds=facts.rules.hold_seconds_till),
    )
    _voucher_take(redemption, voucher, command, terminal, list(cost.parts))
    return redemption


def _till(payment: PaymentRequest) -> tuple[Terminal, Payee]:
    terminal = Terminal.objects.select_related("acquirer", "store__merchant").get(
        store__store_no=payment.store_no,
        terminal_no=payment.terminal_no,
        is_active=True,
        tested_at__isnull=False,
    )
    payee = Payee.objects.get(
        acquirer=terminal.acquirer,
        merchant_no=terminal.merchant_no,
        merchant=terminal.store.merchant,
        valid_until__isnull=True,
    )
    return terminal, payee


def _voucher_take(
    redemption: Redemption,
    voucher: Voucher,
    command: HoldCommand,
    terminal: Terminal,
    parts: list[int],
) -> None:
    batch = voucher.batch
    RedemptionLine.objects.create(
        redemption=redemption,
        voucher=voucher,
        batch=batch,
        used_fen=redemption.subsidy_fen,
        parts=parts,
    )
    voucher.state = VoucherState.HELD
    voucher.save(update_fields=["state"])
    day = business_date(command.at, terminal.acquirer.cutoff)
    entry = entry_write(EntryCode.HOLD, redemption, command, day)
    for funder_id, fen in zip(batch.funder_ids, voucher.parts, strict=True):
        outstanding, held = (AccountKind.OUTSTANDING, batch.pk), (AccountKind.HELD, batch.pk)
        posting_write(entry, funder_id, outstanding, held, fen)
    region = command.payment.region_code
    step_write(
        StepKind.HOLD,
        redemption,
        command,
        entry,
        funder_ids=batch.funder_ids,
        parts=parts,
        reference=command.order_no,
        detail={"region_at": region} if region else {},
    )


@transaction.atomic
def confirm(command: ConfirmCommand) -> Redemption:
    """Confirm a hold in its life; a known key gets its redemption again.

    Raises:
        RefusedError: something speaks against it.
    """
    known = redemption_known(StepKind.CONFIRM, command)
    if known is not None:
        return known
    redemption = (
        Redemption.objects.select_for_update(of=("self",))
        .select_related("acquirer")
        .get(pk=command.redemption_id, client_id=command.client_id)
    )
    if redemption.state != RedemptionState.HELD or command.at >= redemption.hold_expires_at:
        raise RefusedError([Refusal("redemption.state_conflict", {"state": redemption.state})])
    if command.paid_fen != redemption.payable_fen:
        raise RefusedError([Refusal("redemption.amount_mismatch", {"paid_fen": command.paid_fen})])
    line = redemption.lines.get()
    voucher = (
        Voucher.objects.select_for_update(of=("self",))
        .select_related("batch")
        .get(pk=line.voucher_id)
    )
    day = business_date(command.at, redemption.acquirer.cutoff)
    redemption.state = RedemptionState.CONFIRMED
    redemption.confirmed_at = command.at
    redemption.business_date = day
    redemption.channel_trade_no = command.channel_trade_no
    redemption.last_step += 1
    redemption.save(
        update_fields=["state", "confirmed_at", "business_date", "channel_trade_no", "last_step"]
    )
    voucher.state = VoucherState.REDEEMED
    voucher.save(update_fields=["state"])
    _subsidy_owe(redemption, voucher, line, command)
    return redemption


def _subsidy_owe(
    redemption: Redemption, voucher: Voucher, line: RedemptionLine, command: ConfirmCommand
) -> None:
    batch, acquirer = voucher.batch, redemption.acquirer
    day = business_date(command.at, acquirer.cutoff)
    entry = entry_write(EntryCode.CONFIRM, redemption, command, day)
    held, earmarked = (AccountKind.HELD, batch.pk), (AccountKind.EARMARKED, batch.pk)
    payable, conceded = (
        (AccountKind.PAYABLE, redemption.payee_id),
        (AccountKind.CONCESSION, NO_UNIT),
    )
    for funder_id, concedes, face_fen, used_fen in zip(
        batch.funder_ids, batch.concessions, voucher.parts, line.parts, strict=True
    ):
        posting_write(entry, funder_id, held, conceded if concedes else payable, used_fen)
        posting_write(entry, funder_id, held, earmarked, face_fen - used_fen)
    expected = payout_expected_on(day, term_unit=acquirer.term_unit, term_days=acquirer.term_days)
    step_write(
        StepKind.CONFIRM,
        redemption,
        command,
        entry,
        funder_ids=batch.funder_ids,
        parts=line.parts,
        reference=command.channel_trade_no,
        detail={
            "paid_at": command.paid_at.isoformat(),
            "tenders": list(command.tenders),
            "cancellable_until": cancellable_until(day, acquirer.cutoff).isoformat(),
            **({"payout_expected_on": expected.isoformat()} if expected else {}),
        },
    )
