"""Claims: the one way vouchers are issued, for the front, the desk, grants and tasks alike.

Three steps (architecture.md, A hot service): pure rules per command, one SQL function per group
that decides in order of arrival under the batch's lock, outcomes in command order.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import OperationalError

from core.access.region_codes import any_overlaps
from core.clock import business_date
from core.errors import Refusal
from core.errors.translate import constraint_of
from core.hot import (
    TRY_LATER,
    HotRow,
    OutcomeName,
    decided_or_later,
    hot_call,
    json_text,
    refusal_line,
    rounds,
)
from core.ids import new_id, new_voucher_code
from core.transactions import retry_conflicts, transaction_is_open
from vouchers.audiences.membership import Asked, members_among
from vouchers.identity import IdentityToken
from vouchers.rules.claiming import claim_refusals, never_usable
from vouchers.rules.limits import window_start
from vouchers.rules.model import IssuingName
from vouchers.rules.validity import validity_window
from vouchers.services.caps import cap_lines
from vouchers.services.claim_context import (
    BatchContext,
    Claimant,
    batch_contexts,
    claimants_load,
)
from vouchers.services.claim_facts import ClaimFact, IssuedVoucher, claim_facts
from vouchers.services.identity_keys import identity_keys_ensure
from vouchers.services.stock import keys_known


class ClaimCommand(NamedTuple):
    """One person's wish for one voucher of a batch.

    ``at`` is the server's receipt of the request (business time), ``region_code`` where the
    channel located the person, ``device`` the device the request was made on: it counts like a
    registered one. Batches whose campaign lies outside of ``client_region`` do not exist for a
    channel; a desk or a grant, which name none, see all. ``is_named``: an approved list names this
    very person for this batch (a grant), so the batch's audience is not asked. ``issuing`` is who
    asks: the person, or the rule by which a batch is given; a batch that is given another way does
    not exist.
    """

    client_id: UUID
    idempotency_key: str
    fingerprint: str
    enrolment_id: UUID
    batch_id: UUID
    at: datetime
    client_region: str | None
    region_code: str | None = None
    device: IdentityToken | None = None
    units: int = 1
    is_named: bool = False
    issuing: IssuingName = "CLAIM"


class ClaimOutcome(NamedTuple):
    """What became of a command: a fact (ACCEPTED, REPLAY) or all reasons against it (REFUSED)."""

    outcome: OutcomeName
    claim: ClaimFact | None = None
    refusals: tuple[Refusal, ...] = ()


class _Prepared(NamedTuple):
    position: int
    command: ClaimCommand
    context: BatchContext
    validities: tuple[tuple[datetime, datetime], ...]
    """Of the batch, or of each part of a pack."""
    refusals: tuple[Refusal, ...]
    limits: tuple[dict[str, Any], ...]
    device: int | None = None
    """The key of the device that the request was made on."""
    devices: tuple[int, ...] = ()
    """The keys of all that the batch's rule of devices looks at; none without such a rule."""

    def keys(self) -> Iterator[Hashable]:
        yield self.command.client_id, self.command.idempotency_key
        for limit in self.limits:
            yield limit["limit_id"], limit["window_start"], limit["key_id"]
        for key_id in self.devices:
            yield "device", key_id


MOST_VOUCHERS = 2_000
"""Of one transaction: accounts are locked for as long (architecture.md, Row budget)."""
NOT_FOUND = (Refusal("access.not_found"),)
LATER = ClaimOutcome("REFUSED", refusals=(TRY_LATER,))
RULES_IN_FORCE = "batch_version_in_force"
_INTERNAL = frozenset({"limit_id", "key_id"})


def vouchers_claim(*, commands: Sequence[ClaimCommand]) -> list[ClaimOutcome]:
    """Decide claims; outcomes come back in command order.

    Commands of one batch and business date are decided together in one transaction, in order of
    arrival; nothing is issued beyond what is released, and no key goes above a limit. A repeated
    (client, idempotency key) gives the first claim again, whatever has changed since. A batch that
    stays locked refuses its own commands with ``infra.try_later``. A batch that is sold out, for
    everybody or for the channel, says so and nothing else.

    Raises:
        DomainError: ``infra.try_later`` instead, in a caller's transaction.
    """
    return _claim(commands, again=True)


class StaleRulesError(Exception):
    """Another version took the place of the rules a group was prepared by; nothing was taken."""


def _claim(commands: Sequence[ClaimCommand], *, again: bool) -> list[ClaimOutcome]:
    """Do what `vouchers_claim` does; ``again`` prepares a group anew whose rules were replaced."""
    outcomes: list[ClaimOutcome] = [ClaimOutcome("REFUSED", refusals=NOT_FOUND)] * len(commands)
    if not commands:
        return []
    contexts = batch_contexts(
        {command.batch_id for command in commands}, until=max(one.at for one in commands)
    )
    gone = _nothing_left(commands, contexts)
    for index, refusal in gone.items():
        outcomes[index] = ClaimOutcome("REFUSED", refusals=(refusal,))
    left = {index: one for index, one in enumerate(commands) if index not in gone}
    groups: dict[tuple[UUID, date], list[_Prepared]] = defaultdict(list)
    for item in _prepare(left, contexts):
        groups[item.command.batch_id, business_date(item.command.at)].append(item)
    for (batch_id, day), group in sorted(groups.items()):
        for together in _rounds(group):
            decided: Sequence[ClaimOutcome] | None = None
            try:
                decided = decided_or_later(_decide, batch_id, day, together)
            except StaleRulesError:
                if again:
                    decided = _claim([item.command for item in together], again=False)
            for place, item in enumerate(together):
                outcomes[item.position] = decided[place] if decided else LATER
    return outcomes


def _rounds(group: Sequence[_Prepared]) -> Iterator[list[_Prepared]]:
    """Yield what is decided in one transaction: no key twice, and at most 2,000 vouchers."""
    for together in rounds(group, _Prepared.keys):
        each = max(item.command.units * item.context.per_unit for item in together)
        size = max(1, MOST_VOUCHERS // each)
        for start in range(0, len(together), size):
            yield together[start : start + size]


def _nothing_left(
    commands: Sequence[ClaimCommand], contexts: Mapping[UUID, BatchContext]
) -> dict[int, Refusal]:
    """Return the refusals of claims that came when nothing was left; a known key still wins."""
    refusals: dict[int, Refusal] = {}
    empty = {pk: context for pk, context in contexts.items() if context.stock.may_refuse}
    for index, command in enumerate(commands if empty else ()):
        context = empty.get(command.batch_id)
        if context and _may_know(context, command):
            refusal = context.nothing_left(command.at, command.client_id)
            if refusal:
                refusals[index] = refusal
    asked = list(refusals)
    known = keys_known(
        [(commands[index].client_id, commands[index].idempotency_key) for index in asked]
    )
    for place in known:
        del refusals[asked[place]]
    return refusals


def _prepare(
    commands: Mapping[int, ClaimCommand], contexts: Mapping[UUID, BatchContext]
) -> Iterator[_Prepared]:
    """Step 1: what cannot change in a race. Unknown batches and foreign persons are left out."""
    if not commands:
        return
    claimants = claimants_load(
        [(command.enrolment_id, command.client_id) for command in commands.values()],
        {kind for context in contexts.values() for kind in context.key_kinds},
    )
    known: list[tuple[int, ClaimCommand, BatchContext, Claimant]] = []
    for (index, command), claimant in zip(commands.items(), claimants, strict=True):
        context = contexts.get(command.batch_id)
        if context and claimant and _may_know(context, command):
            known.append((index, command, context, claimant))
    devices = identity_keys_ensure(
        tokens={command.device for _, command, _, _ in known if command.device}
    )
    members = members_among(
        {
            index: Asked(context.rules.audience.code, command.at, claimant.keys)
            for index, command, context, claimant in known
            if context.rules.audience and not command.is_named
        }
    )
    for index, command, context, claimant in known:
        keys, device = claimant.keys, None
        if command.device:
            device = devices[command.device]
            keys = {**keys, device: command.device.kind}
        validities = tuple(
            validity_window(
                rules.validity,
                claimed_at=command.at,
                campaign_ends_at=context.campaign_ends_at,
            )
            for rules in context.issued_rules
        )
        refusals = claim_refusals(
            context.rules,
            verified=claimant.verified,
            in_audience=command.is_named or index in members,
            key_kinds=keys.values(),
            region_code=command.region_code,
            campaign_regions=context.regions,
        )
        yield _Prepared(
            index,
            command,
            context,
            validities,
            (*refusals, *never_usable(validities, command.at, context.campaign_ends_at)),
            tuple(_limits(context, command, keys)),
            device,
            tuple(key_id for key_id, kind in keys.items() if kind == "DEVICE")
            if context.rules.device
            else (),
        )


def _may_know(context: BatchContext, command: ClaimCommand) -> bool:
    region = command.client_region
    return context.rules.issuing == command.issuing and (
        region is None or any_overlaps(context.regions, region)
    )


def _limits(
    context: BatchContext, command: ClaimCommand, keys: Mapping[int, str]
) -> Iterator[dict[str, Any]]:
    for limit_id, row in context.claim_limits:
        line = {
            "limit_id": limit_id,
            "window_start": window_start(row.window, command.at, context.waves),
            "cap": row.cap,
            "window": row.window,
        }
        if row.conflicts_with:
            line |= {"take": row.take, "conflicts_with": row.conflicts_with}
        for key_id, kind in keys.items():
            if kind in row.keys:
                yield {**line, "key_id": key_id, "kind": kind, "document": kind == "DOCUMENT"}


@retry_conflicts
def _decide(batch_id: UUID, day: date, group: Sequence[_Prepared]) -> list[ClaimOutcome]:
    """Steps 2 and 3: one call, one commit; again as a whole when another group won a race."""
    lines = [_line(order, item) for order, item in enumerate(group)]
    caps = cap_lines(group[0].context.caps, {item.command.at for item in group})
    rule = group[0].context.rules.device
    counted = (rule.persons, rule.days) if rule else (None, None)
    arguments = [batch_id, new_id(), day, json_text(caps), *counted]
    try:
        rows = hot_call("vouchers_claim", arguments, lines)
    except OperationalError as error:
        if constraint_of(error) != RULES_IN_FORCE or transaction_is_open():
            raise
        raise StaleRulesError from error
    facts = claim_facts([row.fact_id for row in rows if row.outcome == "REPLAY" and row.fact_id])
    for row, line, item in zip(rows, lines, group, strict=True):
        if row.number is not None:
            facts[line["claim_id"]] = _fact(line, item, row.number)
    return [_outcome(row, facts) for row in rows]


def _fact(line: dict[str, Any], item: _Prepared, number: int) -> ClaimFact:
    """Return what was just written; `claim_facts` would read the same."""
    command, context = item.command, item.context
    if context.parts:
        vouchers = tuple(_pack_vouchers(line, context, number))
    else:
        vouchers = tuple(
            IssuedVoucher(
                voucher["id"],
                command.batch_id,
                voucher["code"],
                number + place,
                context.face_fen,
                line["valid_from"],
                line["valid_until"],
            )
            for place, voucher in enumerate(line["vouchers"])
        )
    return ClaimFact(line["claim_id"], command.batch_id, line["at"], vouchers)


def _pack_vouchers(
    line: dict[str, Any], context: BatchContext, number: int
) -> Iterator[IssuedVoucher]:
    """Yield the vouchers of packs from ``number`` on (`Batch`: which numbers a pack has)."""
    for part in context.parts:
        mine = (one for one in line["vouchers"] if one["batch_id"] == part.batch_id)
        for place, voucher in enumerate(mine):
            yield IssuedVoucher(
                voucher["id"],
                part.batch_id,
                voucher["code"],
                (number - 1) * part.quantity + 1 + place,
                part.face_fen,
                voucher["valid_from"],
                voucher["valid_until"],
            )


def _line(order: int, item: _Prepared) -> dict[str, Any]:
    command, parts = item.command, item.context.parts
    valid_from, valid_until = item.validities[0]
    line = {
        "ord": order,
        "claim_id": new_id(),
        "client_id": command.client_id,
        "key": command.idempotency_key,
        "fingerprint": command.fingerprint,
        "enrolment_id": command.enrolment_id,
        "at": command.at,
        "valid_from": valid_from,
        "valid_until": valid_until,
        "batch_version_id": item.context.batch_version_id,
        "limits": item.limits,
        "refusals": [refusal_line(refusal) for refusal in item.refusals],
    }
    if item.device is not None:
        line["device"] = item.device
    if item.devices:
        line["devices"] = item.devices
    if parts:
        return {**line, "units": command.units, "vouchers": list(_pack_lines(item))}
    vouchers = [{"id": new_id(), "code": new_voucher_code()} for _ in range(command.units)]
    return {**line, "vouchers": vouchers}


def _pack_lines(item: _Prepared) -> Iterator[dict[str, Any]]:
    for part, (valid_from, valid_until) in zip(item.context.parts, item.validities, strict=True):
        for _ in range(part.quantity * item.command.units):
            yield {
                "id": new_id(),
                "code": new_voucher_code(),
                "batch_id": part.batch_id,
                "batch_version_id": part.version_id,
                "valid_from": valid_from,
                "valid_until": valid_until,
            }


def _outcome(row: HotRow, facts: dict[UUID, ClaimFact]) -> ClaimOutcome:
    if row.fact_id is not None:
        return ClaimOutcome(row.outcome, claim=facts[row.fact_id])
    return ClaimOutcome("REFUSED", refusals=_for_the_person(row.refusals))


def _for_the_person(refusals: Sequence[Refusal]) -> tuple[Refusal, ...]:
    """Drop what only repeats: if the document has reached a limit, its other keys have as well.

    Key ids stay inside; the person sees which kind of key was used, not whose it is.
    """
    by_document = {
        refusal.data["limit_id"] for refusal in refusals if refusal.code == "claim.person_limit"
    }
    kept: list[Refusal] = []
    for refusal in refusals:
        if (
            refusal.code == "claim.same_person_other_account"
            and refusal.data["limit_id"] in by_document
        ):
            continue
        told = {key: refusal.data[key] for key in refusal.data if key not in _INTERNAL}
        if Refusal(refusal.code, told) not in kept:  # another key of a group that excludes this one
            kept.append(Refusal(refusal.code, told))
    return tuple(kept)
