"""Purchases and refunds that acquirers and channels report (api.md, POST /transactions)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.errors import Refusal
from core.hot import OutcomeName
from core.ids import new_id
from core.transactions import transaction_required
from merchants.models import Transaction
from merchants.selectors import TerminalFacts

Key = tuple[UUID, str]
"""Client and idempotency key, or client and transaction number."""
NOT_FOUND = Refusal("access.not_found", {"field": "original_no"})


@dataclass(frozen=True, slots=True)
class TransactionCommand:
    """Record a purchase at a till, or the refund of ``original_no``; amounts in fen.

    A refund is booked where its purchase was, whatever has become of the till.
    """

    client_id: UUID
    idempotency_key: str
    fingerprint: str
    at: datetime
    transaction_no: str
    order_fen: int
    traded_at: datetime
    till: TerminalFacts | None
    flow: str
    card_bin: str = ""
    original_no: str | None = None

    @property
    def key(self) -> Key:
        """What makes a repetition harmless."""
        return self.client_id, self.idempotency_key


@dataclass(frozen=True, slots=True)
class TransactionOutcome:
    """The row (ACCEPTED, REPLAY), or every reason against it (REFUSED)."""

    outcome: OutcomeName
    transaction: Transaction | None = None
    refusals: tuple[Refusal, ...] = ()


def transactions_known(
    keys: Sequence[tuple[UUID, str, str]],
) -> dict[Key, TransactionOutcome]:
    """Answer those keys (client, key, fingerprint) that are used already; one query."""
    rows = Transaction.objects.filter(
        client_id__in={one[0] for one in keys}, idempotency_key__in={one[1] for one in keys}
    ).select_related("original")
    found = {(row.client_id, row.idempotency_key): row for row in rows}
    outcomes = {}
    for client_id, key, fingerprint in keys:
        row = found.get((client_id, key))
        if row is not None and row.fingerprint == fingerprint:
            outcomes[client_id, key] = TransactionOutcome("REPLAY", row)
        elif row is not None:
            outcomes[client_id, key] = _refused(Refusal("idempotency.key_reused"))
    return outcomes


def transactions_record(*, commands: Sequence[TransactionCommand]) -> list[TransactionOutcome]:
    """Record transactions in the caller's transaction; outcomes come back in command order.

    Keys that are used already are the caller's to ask for (`transactions_known`). Refused:
    ``transaction.number_taken`` (the client
    used the number for something else), ``access.not_found`` (no such purchase of this client to
    refund), ``refund.exceeds`` (all refunds together are more than the purchase).
    """
    transaction_required()
    outcomes: dict[Key, TransactionOutcome] = {}
    numbers = _rows({(one.client_id, one.transaction_no) for one in commands})
    originals = _rows(
        {(one.client_id, one.original_no) for one in commands if one.original_no}, lock=True
    )
    new: list[Transaction] = []
    for command in commands:
        if command.key in outcomes:
            continue
        refusal, original = None, None
        if (command.client_id, command.transaction_no) in numbers:
            refusal = Refusal("transaction.number_taken", {"number": command.transaction_no})
        elif command.original_no:
            original = originals.get((command.client_id, command.original_no))
            refusal = _refund_refusal(command, original)
        if refusal is not None:
            outcomes[command.key] = _refused(refusal)
            continue
        row = _row(command, original)
        new.append(row)
        numbers[command.client_id, command.transaction_no] = row
        outcomes[command.key] = TransactionOutcome("ACCEPTED", row)
        if original is not None:
            original.refunded_fen += command.order_fen
    Transaction.objects.bulk_create(new)
    refunded = {row.original for row in new if row.original is not None}
    Transaction.objects.bulk_update(refunded, ["refunded_fen"])
    return [outcomes[command.key] for command in commands]


def _rows(named: set[Key], *, lock: bool = False) -> dict[Key, Transaction]:
    if not named:
        return {}
    rows = Transaction.objects.filter(
        client_id__in={client_id for client_id, _ in named},
        transaction_no__in={number for _, number in named},
    ).order_by("pk")
    if lock:
        rows = rows.select_for_update(no_key=True)
    return {(row.client_id, row.transaction_no): row for row in rows}


def _refund_refusal(command: TransactionCommand, original: Transaction | None) -> Refusal | None:
    if original is None or original.kind != Transaction.Kind.PURCHASE:
        return NOT_FOUND
    left = original.order_fen - original.refunded_fen
    if command.order_fen > left:
        return Refusal("refund.exceeds", {"refundable_fen": left, "order_fen": command.order_fen})
    return None


def _row(command: TransactionCommand, original: Transaction | None) -> Transaction:
    return Transaction(
        id=new_id(),
        client_id=command.client_id,
        idempotency_key=command.idempotency_key,
        fingerprint=command.fingerprint,
        transaction_no=command.transaction_no,
        kind=Transaction.Kind.PURCHASE if original is None else Transaction.Kind.REFUND,
        original=original,
        flow=command.flow,
        card_bin=command.card_bin,
        order_fen=command.order_fen,
        traded_at=command.traded_at,
        at=command.at,
        **_place(command.till if original is None else original),
    )


def _place(at: TerminalFacts | Transaction | None) -> dict[str, UUID | str]:
    """Return where a transaction took place: the columns of its till, or of its purchase."""
    if at is None:
        raise ValueError("a purchase needs its till")
    names = ("acquirer_id", "merchant_id", "store_id", "terminal_id", "owner_region")
    return {**{name: getattr(at, name) for name in names}, "store_region": at.store_region}


def _refused(refusal: Refusal) -> TransactionOutcome:
    return TransactionOutcome("REFUSED", refusals=(refusal,))
