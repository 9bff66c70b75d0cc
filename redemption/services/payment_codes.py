"""Payment codes (付款码): made for a person on his own device, good for 60 s and one hold."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from core.errors import Refusal
from core.hot import HOT_LOCK_TIMEOUT_MS, TRY_LATER, OutcomeName
from core.ids import new_id
from core.transactions import retry_conflicts, statement_alone
from redemption.payment_code_text import CodeText, code_hash, code_text
from redemption.services.facts import KEY_REUSED, NOT_FOUND
from vouchers.identity import IdentityToken
from vouchers.models.persons import KeyKind
from vouchers.selectors import identity_keys_find
from vouchers.services.claim_context import claimants_load

LIFE = timedelta(seconds=60)
DRAWS = 4
"""How many digits are tried for a code: they are few enough to be taken now and then."""


@dataclass(frozen=True, slots=True)
class PaymentCodeCommand:
    """Make a code for ``person_id`` on ``device``, for one voucher if ``voucher_id`` is named."""

    client_id: UUID
    idempotency_key: str
    at: datetime
    person_id: UUID
    device: IdentityToken
    voucher_id: UUID | None = None


class MadeCode(NamedTuple):
    """A code in both spellings and its end of life."""

    code: CodeText
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PaymentCodeOutcome:
    """The code, or every reason against it."""

    outcome: OutcomeName
    made: MadeCode | None = None
    refusals: tuple[Refusal, ...] = ()


LATER = PaymentCodeOutcome("REFUSED", refusals=(TRY_LATER,))


class FoundCode(NamedTuple):
    """A code as a hold finds it."""

    code_id: UUID
    enrolment_id: UUID
    voucher_id: UUID | None
    device_key_id: int | None
    expires_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Wanted:
    device_key_id: int
    command: PaymentCodeCommand
    draws: tuple[CodeText, ...]
    code_hash: str


class _Row(NamedTuple):
    """A code as it lies in the table; ``is_new`` if this call wrote it."""

    is_new: bool
    numeric_hash: str
    enrolment_id: UUID
    voucher_id: UUID | None
    device_key_id: int | None
    expires_at: datetime


@retry_conflicts
def payment_codes_create(*, commands: Sequence[PaymentCodeCommand]) -> list[PaymentCodeOutcome]:
    """Make payment codes; outcomes in command order, a constant number of statements.

    A repeated (client, key) gets the same code with its first end of life, also when it has
    passed; with another person, device or voucher it is refused (``idempotency.key_reused``).
    Refused too: ``access.not_found`` (another channel's person), ``code.device_mismatch`` (the
    device is not one the person registered), ``voucher.not_found``, and ``infra.try_later`` where
    all digits drawn for a new code are taken already.
    """
    device_keys = _device_keys(commands)
    vouchers = _vouchers(command.voucher_id for command in commands if command.voucher_id)
    outcomes: dict[int, PaymentCodeOutcome] = {}
    wanted: dict[int, _Wanted] = {}
    for index, command in enumerate(commands):
        if index not in device_keys:
            outcomes[index] = PaymentCodeOutcome("REFUSED", refusals=NOT_FOUND.refusals)
            continue
        key_id = device_keys[index]
        refusals = _refusals(command, key_id, vouchers)
        if key_id is None or refusals:
            outcomes[index] = PaymentCodeOutcome("REFUSED", refusals=refusals)
            continue
        draws = tuple(
            code_text(command.client_id, command.idempotency_key, draw=draw)
            for draw in range(DRAWS)
        )
        wanted[index] = _Wanted(key_id, command, draws, code_hash(draws[0].text) or "")
    outcomes |= _written(wanted)
    return [outcomes[index] for index in range(len(commands))]


def payment_codes_find(codes: Collection[str]) -> dict[str, FoundCode]:
    """Return codes in either spelling; unknown ones are missing; one query."""
    hashes = {hashed: code for code in codes if (hashed := code_hash(code)) is not None}
    if not hashes:
        return {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM payment_codes_found(%s::text[])", [list(hashes)])
        return {hashes[hashed]: FoundCode(*row) for hashed, *row in cursor.fetchall()}


def payment_code_refusals(
    code: FoundCode | None, *, at: datetime, device_key_id: int | None, names_device: bool
) -> list[Refusal]:
    """Return why a code cannot be used at ``at``; a device is compared only if one is named."""
    if code is None:
        return [Refusal("code.foreign")]
    refusals = []
    if code.used_at is not None:
        refusals.append(Refusal("code.used"))
    elif at >= code.expires_at:
        refusals.append(Refusal("code.expired", {"expires_at": code.expires_at}))
    if names_device and device_key_id != code.device_key_id:
        refusals.append(Refusal("code.device_mismatch"))
    return refusals


def _device_keys(commands: Sequence[PaymentCodeCommand]) -> dict[int, int | None]:
    """Return, per command whose person is its client's, the device's key if it is registered."""
    people = claimants_load(
        [(command.person_id, command.client_id) for command in commands], {KeyKind.DEVICE.value}
    )
    found = identity_keys_find({command.device for command in commands})
    keys: dict[int, int | None] = {}
    for index, (command, person) in enumerate(zip(commands, people, strict=True)):
        if person is not None:
            key = found.get(command.device)
            keys[index] = key.key_id if key and key.key_id in person.keys else None
    return keys


def _vouchers(voucher_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return whose these vouchers are."""
    wanted = list(set(voucher_ids))
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT v.id, v.enrolment_id FROM vouchers_voucher v WHERE v.id = ANY(%s::uuid[])",
            [wanted],
        )
        return dict(cursor.fetchall())


def _refusals(
    command: PaymentCodeCommand, device_key_id: int | None, vouchers: dict[UUID, UUID]
) -> tuple[Refusal, ...]:
    if device_key_id is None:
        return (Refusal("code.device_mismatch"),)
    if command.voucher_id and vouchers.get(command.voucher_id) != command.person_id:
        return (Refusal("voucher.not_found"),)
    return ()


def _written(wanted: dict[int, _Wanted]) -> dict[int, PaymentCodeOutcome]:
    """Insert what is new; what was there before is a replay, or another request with the key."""
    rows: dict[str, _Row] = {}
    for draw in range(DRAWS):
        missing: dict[str, _Wanted] = {}
        for item in wanted.values():
            if item.code_hash not in rows:
                missing.setdefault(item.code_hash, item)  # of a key sent twice the first counts
        if not missing:
            break
        rows |= _made(list(missing.values()), draw)
    outcomes: dict[int, PaymentCodeOutcome] = {}
    told: set[str] = set()
    for index, item in wanted.items():
        row = rows.get(item.code_hash)
        if row is None:
            outcomes[index] = LATER
            continue
        asked = (item.command.person_id, item.command.voucher_id, item.device_key_id)
        if (row.enrolment_id, row.voucher_id, row.device_key_id) != asked:
            outcomes[index] = PaymentCodeOutcome("REFUSED", refusals=KEY_REUSED.refusals)
            continue
        is_first = row.is_new and item.code_hash not in told
        told.add(item.code_hash)
        drawn = next(one for one in item.draws if code_hash(one.numeric) == row.numeric_hash)
        outcomes[index] = PaymentCodeOutcome(
            "ACCEPTED" if is_first else "REPLAY", MadeCode(drawn, row.expires_at)
        )
    return outcomes


def _made(items: Sequence[_Wanted], draw: int) -> dict[str, _Row]:
    """Write codes with these digits, one statement; those whose digits are taken are missing."""
    rows = statement_alone(
        "SELECT * FROM payment_codes_make(%s::uuid[], %s::text[], %s::text[], %s::uuid[],"
        " %s::uuid[], %s::uuid[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])",
        [
            [new_id() for _ in items],
            [item.code_hash for item in items],
            [code_hash(item.draws[draw].numeric) for item in items],
            [item.command.client_id for item in items],
            [item.command.person_id for item in items],
            [item.command.voucher_id for item in items],
            [item.device_key_id for item in items],
            [item.command.at for item in items],
            [item.command.at + LIFE for item in items],
        ],
        lock_timeout_ms=HOT_LOCK_TIMEOUT_MS,
    )
    return {items[place].code_hash: _Row(*row) for place, *row in rows}
