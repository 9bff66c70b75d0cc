"""What the claim service knows of batches and persons before it asks the database to decide.

Two statements for a group of any size, kept as functions of the database with their plans
(vouchers/sql/vouchers_claim_reads.sql): a wave asks them hundreds of times a second.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

import msgspec
from django.db import connection

from core.clock import TIME_ZONE
from core.errors import Refusal
from core.hot import array_text
from vouchers.audiences.membership import KEY_KINDS
from vouchers.models import Enrolment
from vouchers.rules.caps import cap_rows
from vouchers.rules.limits import LimitRow, limit_rows
from vouchers.rules.model import BatchRules, rules_frozen
from vouchers.services.caps import Caps
from vouchers.services.stock import FreeSlice, Stock

_BATCHES = "SELECT * FROM vouchers_claim_batches(%s::uuid[], %s)"
_SLICES = "SELECT * FROM vouchers_claim_slices(%s::uuid[])"
_CLAIMANTS = "SELECT * FROM vouchers_claimants(%s::uuid[], %s::uuid[], %s::text[])"


class PartContext(msgspec.Struct, frozen=True):
    """A batch that a pack is made of: its frozen rules, and how many of it are in a pack."""

    batch_id: UUID
    version_id: int
    quantity: int
    face_fen: int
    rules: str


@dataclass(frozen=True)
class BatchContext:
    """The frozen rules of a batch and the identities of its limits."""

    own: PartContext
    """Itself, as if it were all that a pack is made of."""
    rules: BatchRules
    regions: tuple[str, ...]
    campaign_ends_at: datetime
    claim_limits: tuple[tuple[int, LimitRow], ...]
    stock: Stock
    caps: Caps = ()
    waves: tuple[datetime, ...] = ()
    """The last slots that had come by the time asked for, the latest first."""
    parts: tuple[PartContext, ...] = ()
    """What a pack is made of; none for any other batch."""

    @property
    def issued(self) -> tuple[PartContext, ...]:
        """What the vouchers of a claim are of: the parts of a pack, or the batch itself."""
        return self.parts or (self.own,)

    @cached_property
    def issued_rules(self) -> tuple[BatchRules, ...]:
        """The rules that the vouchers of a claim follow, as `issued`."""
        return tuple(rules_frozen(part.rules) for part in self.issued)

    @cached_property
    def per_unit(self) -> int:
        """How many vouchers a claim of one unit gives."""
        return sum(part.quantity for part in self.issued)

    @cached_property
    def key_kinds(self) -> frozenset[str]:
        """The kinds of key that a claim is decided by: counted by a limit, or asked for."""
        counted = {kind for _, row in self.claim_limits for kind in row.keys}
        asked = {"DOCUMENT"} if self.rules.realname else set()
        asked |= {"DEVICE"} if self.rules.device else set()
        return frozenset(counted | asked | (KEY_KINDS if self.rules.audience else set()))

    def nothing_left(self, moments: Sequence[datetime], client_id: UUID) -> list[Refusal | None]:
        """Return the refusal of a client's claim at each moment if nothing is left
        (`Stock.refusal`), None where anything else may be the reason.
        """
        first, last = min(moments), max(moments)
        turns = (*self.stock.turns, self.campaign_ends_at)
        if any(first < turn <= last for turn in turns):
            return [self._nothing_left(at, client_id) for at in moments]
        return [self._nothing_left(last, client_id)] * len(moments)

    def _nothing_left(self, at: datetime, client_id: UUID) -> Refusal | None:
        return self.stock.refusal(at, client_id) if at < self.campaign_ends_at else None


@dataclass(slots=True)
class Claimant:
    """A channel's account as a claim counts it: verified or not, its current keys (id → kind)."""

    verified: bool
    keys: dict[int, str]


def batch_contexts(batch_ids: Collection[UUID], *, until: datetime) -> dict[UUID, BatchContext]:
    """Load the batches that have approved rules, for claims up to ``until``; one statement.

    Others are left out. A second statement asks what is left where waves keep units for channels.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BATCHES, [list(batch_ids), until])
        rows = cursor.fetchall()
    free = _free_slices([row[0] for row in rows if row[16]])
    contexts: dict[UUID, BatchContext] = {}
    for row in rows:
        pk, code, face_fen, regions, ends_at, version_id, frozen, limits, waves = row[:9]
        parts = row[15]
        rules = rules_frozen(frozen)
        ids = msgspec.json.decode(limits, type=dict[str, int])
        contexts[pk] = BatchContext(
            own=PartContext(pk, version_id, 1, face_fen, frozen),
            rules=rules,
            regions=tuple(regions),
            # In local time, as claims are: moments of two zones are compared by their offsets.
            campaign_ends_at=ends_at.astimezone(TIME_ZONE),
            claim_limits=tuple((ids[one.code], one) for one in limit_rows(code, rules, "CLAIM")),
            caps=tuple((ids[one.code], one) for one in cap_rows(code, rules)),
            stock=Stock(*(*row[9:15], tuple(free.get(pk, ())), row[17])),
            waves=tuple(waves or ()),
            parts=msgspec.json.decode(parts, type=tuple[PartContext, ...]) if parts else (),
        )
    return contexts


def _free_slices(batch_ids: list[UUID]) -> Mapping[UUID, Sequence[FreeSlice]]:
    """Return what is left in open slices of these batches; no statement where there are none."""
    free: dict[UUID, list[FreeSlice]] = defaultdict(list)
    if batch_ids:
        with connection.cursor() as cursor:
            cursor.execute(_SLICES, [batch_ids])
            for batch_id, *one in cursor.fetchall():
                free[batch_id].append(FreeSlice(*one))
    return free


def claimants_load(
    accounts: Sequence[tuple[UUID, UUID]], kinds: Collection[str]
) -> list[Claimant | None]:
    """Return each account (id, its client) with its keys of ``kinds``; one statement.

    None for an account that is not this client's.
    """
    found: list[Claimant | None] = [None] * len(accounts)
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIMANTS,
            [
                array_text([enrolment_id for enrolment_id, _ in accounts]),
                array_text([client_id for _, client_id in accounts]),
                list(kinds),
            ],
        )
        for place, level, key_id, kind in cursor.fetchall():
            claimant = found[place]
            if claimant is None:
                claimant = found[place] = Claimant(level == Enrolment.Level.REALNAME, {})
            if key_id is not None:
                claimant.keys[key_id] = kind
    return found
