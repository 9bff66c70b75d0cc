"""Purchases without a voucher, as acquirers and channels report them (POST /transactions).

Each is kept for the statistics of merchants; where it names a person, return vouchers (消费返券)
are given for it afterwards, by the consumer of its event.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from core.errors import Refusal
from core.outbox.services import Event, outbox_publish
from core.transactions import retry_conflicts, retry_races, transaction
from merchants.models import Transaction
from merchants.selectors import TerminalFacts, tills_find
from merchants.services.transactions import (
    Key,
    TransactionCommand,
    TransactionOutcome,
    transactions_known,
    transactions_record,
)
from redemption.events import RECORDED, REFUNDED
from redemption.models import PaymentCode
from redemption.payment_code_text import code_hash
from redemption.rules.eligibility import place_usable
from redemption.services.choosing import Payer, payers_find
from redemption.services.requests import PaymentRequest
from redemption.services.tills import place_of


@dataclass(frozen=True, slots=True)
class PurchaseCommand:
    """A purchase, or the refund of ``original_no``; ``payment`` says where, how and who.

    Who paid may be left open: then it only counts for the merchant.
    """

    payment: PaymentRequest
    idempotency_key: str
    fingerprint: str
    transaction_no: str
    traded_at: datetime
    original_no: str | None = None

    @property
    def key(self) -> Key:
        """What makes a repetition harmless."""
        return self.payment.client_id, self.idempotency_key


@retry_races("transaction_key_once", "transaction_number_once")
@retry_conflicts
def purchases_report(*, commands: Sequence[PurchaseCommand]) -> list[TransactionOutcome]:
    """Record purchases and refunds; outcomes come back in command order.

    Refused: a till that takes no vouchers (`place_usable`; not asked of a refund), what speaks
    against the payment code or person, and what `transactions_record` refuses. A repeated (client,
    key) gets the first row. A payment code is used up by it.

    Raises:
        DomainError: ``infra.try_later`` for what stays locked.
    """
    with transaction():
        outcomes = transactions_known([(*command.key, command.fingerprint) for command in commands])
        new = [command for command in commands if command.key not in outcomes]
        tills = tills_find(
            [(one.payment.client_id, one.payment.store_no, one.payment.terminal_no) for one in new]
        )
        payers = dict(zip((one.key for one in new), _payers(new), strict=True))
        placed: list[tuple[PurchaseCommand, TerminalFacts | None]] = []
        for command, till in zip(new, tills, strict=True):
            refusals = tuple(_refusals(command, till, payers[command.key]))
            if refusals:
                outcomes[command.key] = TransactionOutcome("REFUSED", refusals=refusals)
            else:
                placed.append((command, till))
        recorded = transactions_record(commands=[_command(*one) for one in placed])
        for (command, _till), outcome in zip(placed, recorded, strict=True):
            outcomes[command.key] = outcome
            if outcome.transaction is not None and outcome.outcome == "ACCEPTED":
                _codes_use(command, outcome.transaction, payers[command.key])
        outbox_publish(events=list(_events(placed, outcomes, payers)))
    return [outcomes[command.key] for command in commands]


def _payers(commands: Sequence[PurchaseCommand]) -> Iterator[Payer | None]:
    """Yield who paid each; None where the report does not say.

    Codes are locked first, so that no other payment uses them meanwhile.
    """
    hashes = [code_hash(one.payment.payment_code or "") for one in commands]
    codes = PaymentCode.objects.filter(Q(code_hash__in=hashes) | Q(numeric_hash__in=hashes))
    list(codes.select_for_update(no_key=True).order_by("pk"))
    named = [one for one in commands if one.payment.payment_code or one.payment.person_id]
    found = dict(
        zip((one.key for one in named), payers_find([one.payment for one in named]), strict=True)
    )
    for command in commands:
        yield found.get(command.key)


def _refusals(
    command: PurchaseCommand, till: TerminalFacts | None, payer: Payer | None
) -> Iterator[Refusal]:
    """Yield what is wrong with the till and the payer; a refund is where its purchase was."""
    if command.original_no is None:
        yield from place_usable(place_of(till if till and till.is_live else None))
    yield from payer.refusals if payer else ()


def _command(command: PurchaseCommand, till: TerminalFacts | None) -> TransactionCommand:
    payment = command.payment
    return TransactionCommand(
        client_id=payment.client_id,
        idempotency_key=command.idempotency_key,
        fingerprint=command.fingerprint,
        at=payment.at,
        transaction_no=command.transaction_no,
        order_fen=payment.order_fen,
        traded_at=command.traded_at,
        till=till,
        flow=payment.flow,
        card_bin=payment.card_bin,
        original_no=command.original_no,
    )


def _codes_use(command: PurchaseCommand, row: Transaction, payer: Payer | None) -> None:
    if payer is None or payer.code_id is None:
        return
    PaymentCode.objects.filter(pk=payer.code_id).update(
        used_at=command.payment.at, transaction_id=row.pk
    )


def _events(
    placed: Sequence[tuple[PurchaseCommand, TerminalFacts | None]],
    outcomes: Mapping[Key, TransactionOutcome],
    payers: Mapping[Key, Payer | None],
) -> Iterator[Event]:
    """Yield what return vouchers are given for, and what takes them back."""
    for command, _till in placed:
        outcome, payer = outcomes[command.key], payers[command.key]
        row = outcome.transaction
        if row is None or outcome.outcome != "ACCEPTED":
            continue
        if row.original_id is not None:
            yield _event(REFUNDED, row, {"transactions": [row.original_id]})
        elif payer and payer.enrolment_id:
            yield _event(RECORDED, row, {"transaction": row.pk, "person": payer.enrolment_id})


def _event(topic: str, row: Transaction, payload: Mapping[str, object]) -> Event:
    return Event(
        topic=topic,
        aggregate_type="transaction",
        aggregate_id=row.pk,
        at=row.at,
        payload=payload,
    )
