"""Claims: the one way vouchers are issued, for the front, the desk, grants and tasks alike.

Three steps (architecture.md, A hot service): pure rules per command, one SQL function per group
that decides in order of arrival under the batch's lock, outcomes in command order.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import date
from uuid import UUID

from django.db import OperationalError

from core.clock import business_date
from core.errors import Refusal
from core.errors.translate import constraint_of
from core.hot import (
    TRY_LATER,
    HotRow,
    decided_or_later,
    hot_call,
    json_text,
    rounds,
)
from core.ids import new_id
from core.transactions import retry_conflicts, transaction_is_open
from vouchers.services.caps import cap_lines
from vouchers.services.claim_columns import NewClaim, claim_columns, claims_new
from vouchers.services.claim_commands import ClaimCommand, ClaimOutcome
from vouchers.services.claim_context import (
    BatchContext,
    batch_contexts,
)
from vouchers.services.claim_facts import ClaimFact, IssuedVoucher, claim_facts
from vouchers.services.claim_preparing import Prepared, claims_prepare, may_know
from vouchers.services.stock import keys_known

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
    for index, outcome in gone.items():
        outcomes[index] = outcome
    left = {index: one for index, one in enumerate(commands) if index not in gone}
    groups: dict[tuple[UUID, date], list[Prepared]] = defaultdict(list)
    for item in claims_prepare(left, contexts):
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


def _rounds(group: Sequence[Prepared]) -> Iterator[list[Prepared]]:
    """Yield what is decided in one transaction: no key twice, and at most 2,000 vouchers."""
    for together in rounds(group, Prepared.keys):
        each = max(item.command.units * item.context.per_unit for item in together)
        size = max(1, MOST_VOUCHERS // each)
        for start in range(0, len(together), size):
            yield together[start : start + size]


def _nothing_left(
    commands: Sequence[ClaimCommand], contexts: Mapping[UUID, BatchContext]
) -> dict[int, ClaimOutcome]:
    """Return the outcomes of claims that came when nothing was left; a known key still wins.

    After the last unit a wave's groups ask all the same: alike claims are looked at together.
    """
    empty = {pk: context for pk, context in contexts.items() if context.stock.may_refuse}
    alike: dict[Hashable, list[int]] = defaultdict(list)
    for index, one in enumerate(commands if empty else ()):
        if one.batch_id in empty:
            alike[one.batch_id, one.client_id, one.client_region, one.issuing].append(index)
    gone: dict[int, ClaimOutcome] = {}
    said: dict[int, ClaimOutcome] = {}
    for places in alike.values():
        first = commands[places[0]]
        context = empty[first.batch_id]
        if may_know(context, first):
            moments = [commands[place].at for place in places]
            refusals = context.nothing_left(moments, first.client_id)
            for place, refusal in zip(places, refusals, strict=True):
                if refusal is not None:
                    if id(refusal) not in said:
                        said[id(refusal)] = ClaimOutcome("REFUSED", refusals=(refusal,))
                    gone[place] = said[id(refusal)]
    asked = list(gone)
    known = keys_known(
        [(commands[index].client_id, commands[index].idempotency_key) for index in asked]
    )
    for place in known:
        del gone[asked[place]]
    return gone


@retry_conflicts
def _decide(batch_id: UUID, day: date, group: Sequence[Prepared]) -> list[ClaimOutcome]:
    """Steps 2 and 3: one call, one commit; again as a whole when another group won a race."""
    context, new = group[0].context, claims_new(group)
    caps = cap_lines(context.caps, {item.command.at for item in group})
    rule = context.rules.device
    arguments = [
        batch_id,
        new_id(),
        day,
        context.own.version_id,
        json_text(caps),
        *((rule.persons, rule.days) if rule else (None, None)),
        *claim_columns(group, new),
    ]
    try:
        rows = hot_call("vouchers_claim", arguments)
    except OperationalError as error:
        if constraint_of(error) != RULES_IN_FORCE or transaction_is_open():
            raise
        raise StaleRulesError from error
    facts = claim_facts([row.fact_id for row in rows if row.fact_id])
    return [
        _outcome(row, facts[row.fact_id] if row.fact_id else _fact(row, item.command, one))
        for row, item, one in zip(rows, group, new, strict=True)
    ]


def _fact(row: HotRow, command: ClaimCommand, new: NewClaim) -> ClaimFact | None:
    """Return what was just written, if anything; `claim_facts` would read the same."""
    if row.number is None:
        return None
    before = row.number - 1
    vouchers = tuple(
        IssuedVoucher(
            voucher.voucher_id,
            voucher.part.batch_id,
            voucher.code,
            before * voucher.part.quantity + voucher.nth,
            voucher.part.face_fen,
            voucher.valid_from,
            voucher.valid_until,
        )
        for voucher in new.vouchers
    )
    return ClaimFact(new.claim_id, command.batch_id, command.at, vouchers)


def _outcome(row: HotRow, fact: ClaimFact | None) -> ClaimOutcome:
    if fact is not None:
        return ClaimOutcome(row.outcome, claim=fact)
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
