"""Steps as the answers are made of: facts that never change, the same first and on a replay."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.db import connection

from core.errors import Refusal
from core.hot import TRY_LATER, OutcomeName
from redemption.models import RedemptionLine, RedemptionStep
from redemption.states import StepKind

_FUNDERS = "SELECT f.id, f.code, f.name FROM campaigns_funder f WHERE f.id = ANY(%s::uuid[])"
Key = tuple[UUID, str]
"""Client and idempotency key."""


class FunderPart(NamedTuple):
    """What one funder gives in a step, in fen."""

    funder_id: UUID
    code: str
    name: str
    amount_fen: int


class UsedVoucher(NamedTuple):
    """A voucher of a redemption and what of it is used, in fen."""

    voucher_id: UUID
    batch_name: str
    used_fen: int


class StepFact(msgspec.Struct, frozen=True):
    """A step with the unchanging half of its redemption; amounts in fen are the step's own."""

    step_id: UUID
    kind: str
    redemption_id: UUID
    client_id: UUID | None
    order_no: str
    order_fen: int
    other_discount_fen: int
    payer_fen: int
    subsidy_fen: int
    funders: tuple[FunderPart, ...]
    vouchers: tuple[UsedVoucher, ...]
    voucher_fate: str
    reference: str
    business_date: date
    at: datetime
    hold_expires_at: datetime
    detail: dict[str, Any]


class StepOutcome(msgspec.Struct, frozen=True):
    """What became of a command: a fact (ACCEPTED, REPLAY) or all reasons against it (REFUSED)."""

    outcome: OutcomeName
    fact: StepFact | None = None
    refusals: tuple[Refusal, ...] = ()


NOT_FOUND = StepOutcome("REFUSED", refusals=(Refusal("access.not_found"),))
LATER = StepOutcome("REFUSED", refusals=(TRY_LATER,))
KEY_REUSED = StepOutcome("REFUSED", refusals=(Refusal("idempotency.key_reused"),))


def refused(refusals: Iterable[Refusal]) -> StepOutcome:
    """Return a refusal; a condition found twice is said once, limits without internal ids."""
    kept: dict[str, Refusal] = {}
    for refusal in refusals:
        data = dict(refusal.data)
        if "cap" in data:
            data["limit"] = data.pop("cap")
            data.pop("limit_id", None)
        # The first of a code stands: the document's limit before those of the other keys.
        kept.setdefault(refusal.code, Refusal(refusal.code, data))
    return StepOutcome("REFUSED", refusals=tuple(kept.values()))


def known_steps(kind: StepKind, keys: Collection[Key]) -> dict[Key, tuple[UUID, str]]:
    """Return step id and fingerprint of those keys that are used for ``kind``; one query."""
    if not keys:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM redemption_steps_known(%s, %s::uuid[], %s::text[])",
            [kind.value, [client_id for client_id, _ in keys], [key for _, key in keys]],
        )
        rows = cursor.fetchall()
    return {(client_id, key): (pk, fingerprint) for client_id, key, pk, fingerprint in rows}


class Funders:
    """The names of funders; one query."""

    def __init__(self, funder_ids: Iterable[UUID]) -> None:
        """Load them."""
        with connection.cursor() as cursor:
            cursor.execute(_FUNDERS, [list(set(funder_ids))])
            self._named = {pk: (code, name) for pk, code, name in cursor.fetchall()}

    def parts(self, funder_ids: Iterable[UUID], parts: Iterable[int]) -> tuple[FunderPart, ...]:
        """Return amounts by funder with the funders' names."""
        return tuple(
            FunderPart(funder_id, *self._named[funder_id], fen)
            for funder_id, fen in zip(funder_ids, parts, strict=True)
        )


def facts_of(step_ids: Collection[UUID]) -> dict[UUID, StepFact]:
    """Rebuild the facts of steps from their rows; three queries."""
    steps = list(
        RedemptionStep.objects.filter(pk__in=step_ids).select_related("redemption").order_by("pk")
    )
    funders = Funders(funder_id for step in steps for funder_id in step.funder_ids)
    vouchers: dict[UUID, list[UsedVoucher]] = defaultdict(list)
    lines = (
        RedemptionLine.objects.filter(redemption_id__in={step.redemption_id for step in steps})
        .order_by("pk")
        .values_list("redemption_id", "voucher_id", "batch__name", "used_fen")
    )
    for redemption_id, voucher_id, batch_name, used_fen in lines:
        vouchers[redemption_id].append(UsedVoucher(voucher_id, batch_name, used_fen))
    return {step.pk: _fact(step, funders, vouchers[step.redemption_id]) for step in steps}


def _fact(step: RedemptionStep, funders: Funders, vouchers: Iterable[UsedVoucher]) -> StepFact:
    redemption = step.redemption
    return StepFact(
        step_id=step.pk,
        kind=step.kind,
        redemption_id=step.redemption_id,
        client_id=step.client_id,
        order_no=redemption.order_no,
        order_fen=step.order_fen,
        other_discount_fen=redemption.other_discount_fen,
        payer_fen=step.payer_fen,
        subsidy_fen=step.subsidy_fen,
        funders=funders.parts(step.funder_ids, step.parts),
        vouchers=tuple(vouchers),
        voucher_fate=step.voucher_fate,
        reference=step.reference,
        business_date=step.business_date,
        at=step.at,
        hold_expires_at=redemption.hold_expires_at,
        detail=step.detail,
    )


def step_facts(kind: StepKind, keys: Collection[Key]) -> dict[Key, StepFact]:
    """Return the facts of steps that were found by their keys; none for no keys."""
    if not keys:
        return {}
    steps = known_steps(kind, keys)
    facts = facts_of({pk for pk, _ in steps.values()})
    return {key: facts[pk] for key, (pk, _) in steps.items()}


def replay_outcomes(kind: StepKind, commands: Iterable[tuple[Key, str]]) -> dict[Key, StepOutcome]:
    """Answer those of the commands (key, fingerprint) whose key is used already.

    A known key wins over every rule: the same request gets the first answer, another one with
    the same key is refused.
    """
    given = dict(commands)
    known = known_steps(kind, given.keys())
    same = {key: pk for key, (pk, fingerprint) in known.items() if fingerprint == given[key]}
    facts = facts_of(same.values()) if same else {}
    return {
        key: StepOutcome("REPLAY", facts[same[key]]) if key in same else KEY_REUSED for key in known
    }
