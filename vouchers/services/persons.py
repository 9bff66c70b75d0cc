"""Register and refresh the accounts of channels (domain-rules §5; api.md, PUT /persons)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from django.db import connection

from core.errors import Refusal
from core.hot import (
    HOT_LOCK_TIMEOUT_MS,
    TRY_LATER,
    OutcomeName,
    decided_or_later,
    rounds,
)
from core.ids import new_id
from core.transactions import retry_conflicts, transaction_joined
from vouchers.identity import IdentityToken, account_token
from vouchers.models import Enrolment, EnrolmentKey
from vouchers.models.persons import KeyKind
from vouchers.selectors import FoundKey, identity_keys_find
from vouchers.services.identity_keys import identity_keys_ensure

Account = tuple[UUID, str]
"""Client and its own number of the account."""


@dataclass(frozen=True, slots=True)
class PersonCommand:
    """What a channel states about one account.

    ``tokens`` holds, per kind named, everything the account now carries of that kind: an empty
    list gives the kind back (a reissued mobile, a sold device); a kind not named stays as it is.
    ``level`` None leaves the verification level.
    """

    client_id: UUID
    external_id: str
    owner_region: str
    level: str | None = None
    tokens: Mapping[str, Sequence[IdentityToken]] = field(default_factory=dict)

    @property
    def account(self) -> Account:
        """What identifies the enrolment."""
        return self.client_id, self.external_id


@dataclass(frozen=True, slots=True)
class PersonOutcome:
    """Result for one command: the enrolment's id, or every reason why nothing changed."""

    external_id: str
    person_id: UUID | None = None
    level: str = Enrolment.Level.NONE
    created: bool = False
    changed: bool = False
    refusals: tuple[Refusal, ...] = ()

    @property
    def outcome(self) -> OutcomeName:
        """ACCEPTED or REFUSED; saying the same again is accepted."""
        return "REFUSED" if self.refusals else "ACCEPTED"


@dataclass(slots=True)
class _Known:
    """An enrolment as it stands, locked; ``keys`` maps kind → key id → id of its row."""

    person_id: UUID
    level: str
    keys: dict[str, dict[int, int]] = field(default_factory=dict)


def persons_register(*, commands: Sequence[PersonCommand], now: datetime) -> list[PersonOutcome]:
    """Register or refresh accounts; outcomes in the order of the commands.

    A constant number of statements and one transaction per group; two commands for one account are
    decided one after the other. Where an account stays locked by others, each command is decided
    alone, and who has to wait longer is refused with ``infra.try_later``. Saying the same again
    changes nothing. Refused, with nothing changed: ``person.document_conflict`` (an account keeps
    its document; another natural person needs another account) and ``person.document_required`` (a
    verified account without a document).

    Raises:
        DomainError: ``infra.try_later`` instead, in a caller's transaction.
    """
    outcomes: dict[int, PersonOutcome] = {}
    items = [(position, _with_account(one)) for position, one in enumerate(commands)]
    for together in rounds(items, lambda item: [item[1].account]):
        decided = _decided([command for _, command in together], now)
        outcomes |= {position: one for (position, _), one in zip(together, decided, strict=True)}
    return [outcomes[position] for position in range(len(commands))]


def _decided(commands: list[PersonCommand], now: datetime) -> list[PersonOutcome]:
    decided = decided_or_later(_register, commands, now)
    if decided is None and len(commands) > 1:
        return [_decided([command], now)[0] for command in commands]
    return decided or [PersonOutcome(one.external_id, refusals=(TRY_LATER,)) for one in commands]


@retry_conflicts
def _register(commands: list[PersonCommand], now: datetime) -> list[PersonOutcome]:
    with transaction_joined(lock_timeout_ms=HOT_LOCK_TIMEOUT_MS):
        return _register_group(commands, now)


def _register_group(commands: list[PersonCommand], now: datetime) -> list[PersonOutcome]:
    """Decide and write commands for different accounts: enrolments first, then keys."""
    tokens = {token for command in commands for token in _tokens_of(command)}
    created: dict[Account, UUID] = {}
    while True:
        known = _enrolments_lock(commands)
        # Read after the lock: the holder before us may have made these keys.
        found = identity_keys_find(tokens)
        refusals = [_refusals(command, known.get(command.account), found) for command in commands]
        missing = [
            command
            for command, reasons in zip(commands, refusals, strict=True)
            if command.account not in known and not reasons
        ]
        if not missing:
            break
        # Whoever another transaction inserted meanwhile is found, locked and decided next time.
        created |= _enrolments_insert(missing, now)
    accepted = [command for command, reasons in zip(commands, refusals, strict=True) if not reasons]
    keys = identity_keys_ensure(
        tokens={token for command in accepted for token in _tokens_of(command)}
    )
    changed = _keys_write(accepted, known, keys, now)
    changed |= _levels_write(accepted, known, changed, now)
    return [
        PersonOutcome(command.external_id, refusals=tuple(reasons))
        if reasons
        else PersonOutcome(
            command.external_id,
            person_id=known[command.account].person_id,
            level=known[command.account].level,
            created=command.account in created,
            changed=command.account in changed or command.account in created,
        )
        for command, reasons in zip(commands, refusals, strict=True)
    ]


def _with_account(command: PersonCommand) -> PersonCommand:
    """Add the account itself, which is a limit key of its own."""
    account = (account_token(command.client_id, command.external_id),)
    return replace(command, tokens={**command.tokens, KeyKind.ACCOUNT: account})


def _tokens_of(command: PersonCommand) -> list[IdentityToken]:
    return [token for tokens in command.tokens.values() for token in tokens]


def _refusals(
    command: PersonCommand,
    known: _Known | None,
    found: Mapping[IdentityToken, FoundKey],
) -> list[Refusal]:
    reasons = []
    current = known.keys.get(KeyKind.DOCUMENT, {}) if known else {}
    stated = command.tokens.get(KeyKind.DOCUMENT)
    if stated is not None and current:
        same = {found[token].key_id for token in stated if token in found} == set(current)
        if not same or len(stated) != len(current):
            reasons.append(Refusal("person.document_conflict"))
    level = command.level or (known.level if known else Enrolment.Level.NONE)
    if level == Enrolment.Level.REALNAME and not current and not stated:
        reasons.append(Refusal("person.document_required"))
    return reasons


def _enrolments_lock(commands: list[PersonCommand]) -> dict[Account, _Known]:
    """Lock the accounts that exist, in one order, and read what they carry now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.client_id, e.external_id, e.id, e.level FROM vouchers_enrolment e"
            "  JOIN unnest(%s::uuid[], %s::text[]) AS t(client_id, external_id)"
            "    USING (client_id, external_id)"
            " ORDER BY e.id FOR UPDATE OF e",
            [
                [command.client_id for command in commands],
                [command.external_id for command in commands],
            ],
        )
        known = {
            (client_id, external_id): _Known(person_id, level)
            for client_id, external_id, person_id, level in cursor.fetchall()
        }
    by_id = {one.person_id: one for one in known.values()}
    rows = EnrolmentKey.objects.filter(
        enrolment_id__in=list(by_id), valid_until__isnull=True
    ).values_list("enrolment_id", "kind", "key_id", "pk")
    for person_id, kind, key_id, row_id in rows:
        by_id[person_id].keys.setdefault(kind, {})[key_id] = row_id
    return known


def _enrolments_insert(commands: list[PersonCommand], now: datetime) -> dict[Account, UUID]:
    """Insert accounts unless they appeared meanwhile; returns those that this call made."""
    ordered = sorted(commands, key=lambda command: (str(command.client_id), command.external_id))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO vouchers_enrolment"
            " (id, client_id, external_id, level, owner_region, created_at, updated_at)"
            " SELECT t.id, t.client_id, t.external_id, 'NONE', t.owner_region, %s, %s"
            "   FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[])"
            "        WITH ORDINALITY AS t(id, client_id, external_id, owner_region, position)"
            "  ORDER BY t.position"
            " ON CONFLICT (client_id, external_id) DO NOTHING"
            " RETURNING client_id, external_id, id",
            [
                now,
                now,
                [new_id() for _ in ordered],
                [command.client_id for command in ordered],
                [command.external_id for command in ordered],
                [command.owner_region for command in ordered],
            ],
        )
        return {(client, external): row for client, external, row in cursor.fetchall()}


def _keys_write(
    commands: list[PersonCommand],
    known: Mapping[Account, _Known],
    keys: Mapping[IdentityToken, int],
    now: datetime,
) -> set[Account]:
    """Close what an account no longer carries of a kind named, open what is new."""
    closed: list[int] = []
    opened: list[EnrolmentKey] = []
    changed: set[Account] = set()
    for command in commands:
        person = known[command.account]
        for kind, tokens in command.tokens.items():
            current = person.keys.get(kind, {})
            wanted = {keys[token] for token in tokens}
            gone = [row_id for key_id, row_id in current.items() if key_id not in wanted]
            fresh = sorted(wanted - set(current))
            closed += gone
            opened += [
                EnrolmentKey(
                    enrolment_id=person.person_id, key_id=key_id, kind=kind, valid_from=now
                )
                for key_id in fresh
            ]
            if gone or fresh:
                changed.add(command.account)
    if closed:
        EnrolmentKey.objects.filter(pk__in=closed).update(valid_until=now)
    EnrolmentKey.objects.bulk_create(opened)
    return changed


def _levels_write(
    commands: list[PersonCommand],
    known: Mapping[Account, _Known],
    changed: set[Account],
    now: datetime,
) -> set[Account]:
    """Write new levels, and the time of the change of everything that changed."""
    raised: set[Account] = set()
    rows: list[tuple[UUID, str]] = []
    for command in commands:
        person = known[command.account]
        if command.level is not None and command.level != person.level:
            person.level = command.level
            raised.add(command.account)
        if command.account in raised or command.account in changed:
            rows.append((person.person_id, person.level))
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE vouchers_enrolment e SET level = t.level, updated_at = %s"
                "  FROM unnest(%s::uuid[], %s::text[]) AS t(id, level) WHERE e.id = t.id",
                [now, [row[0] for row in rows], [row[1] for row in rows]],
            )
    return raised
