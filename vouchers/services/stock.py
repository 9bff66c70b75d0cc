"""When a batch has nothing left for anybody, or for a channel: known without the person.

A wave sells out in seconds and is asked for a hundred thousand times afterwards. Those claims are
refused by counters read once per group, after the claims arrived and without a lock
(docs/decisions/sold-out-is-read-once-per-group.md): whoever is refused came when nothing was left,
in whatever process, after whatever restart.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

from core.clock import TIME_ZONE
from core.errors import Refusal
from core.hot import array_text

BUDGET_EXHAUSTED: Final = Refusal("claim.budget_exhausted")
_KNOWN = "SELECT * FROM vouchers_claims_known(%s::uuid[], %s::text[])"


class FreeSlice(NamedTuple):
    """An open slice that has units left: whose (None: everybody's), and until when."""

    channel_id: UUID | None
    closes_at: datetime | None
    fall_back_at: datetime | None

    def comes_at(self, at: datetime) -> datetime | None:
        """Return when what is left of it will be everybody's, None if it will not."""
        is_over = self.closes_at is not None and self.closes_at <= at
        return None if is_over else self.fall_back_at


@dataclass(frozen=True, slots=True)
class Stock:
    """The counters of a batch and the slots of its waves, of one snapshot."""

    claimable: bool
    """Its campaign is live and it is switched on."""
    released: int
    issued: int
    first_slot: datetime | None
    latest_open: datetime | None
    next_slot: datetime | None
    free_slices: tuple[FreeSlice, ...] = ()
    """Told only where a wave keeps units for channels."""
    waits: bool = False
    """A wave whose slot has come waits for money."""

    @property
    def may_refuse(self) -> bool:
        """Whether everything released is taken, or what is left may be of other channels.

        False where nobody may claim.
        """
        is_empty = 0 < self.released == self.issued
        return self.claimable and (is_empty or bool(self.free_slices))

    @property
    def turns(self) -> tuple[datetime, ...]:
        """The moments from which on `refusal` may say something else."""
        slots = (self.first_slot, self.latest_open, self.next_slot)
        ends = (one.closes_at for one in self.free_slices)
        return tuple(turn for turn in (*slots, *ends) if turn is not None)

    def refusal(self, at: datetime, client_id: UUID | None = None) -> Refusal | None:
        """Return the refusal of a client's claim at ``at`` if no unit is left for it, else None.

        Sold out; or not started, while a wave whose slot has come waits for its tick; or, where
        that waits for money, that the budget is exhausted.
        None where anything else may be the reason: then the claim function says.
        """
        has_begun = self.first_slot is not None and self.first_slot <= at
        opens_later = self.latest_open is not None and self.latest_open > at
        if not has_begun or opens_later or not self.may_refuse:
            return None
        if any(one.channel_id in (None, client_id) for one in self.free_slices):
            return None
        if self.next_slot is not None and self.next_slot <= at:
            return BUDGET_EXHAUSTED if self.waits else _not_started(self.next_slot)
        coming = [self.next_slot, *(one.comes_at(at) for one in self.free_slices)]
        return _sold_out(min((one for one in coming if one is not None), default=None))


# Told to a hundred thousand: the same to all of them.
@lru_cache(maxsize=256)
def _sold_out(next_release_at: datetime | None) -> Refusal:
    if next_release_at is None:
        return Refusal("claim.sold_out")
    return Refusal("claim.sold_out", {"next_release_at": next_release_at.astimezone(TIME_ZONE)})


@lru_cache(maxsize=256)
def _not_started(opens_at: datetime) -> Refusal:
    return Refusal("claim.not_started", {"opens_at": opens_at.astimezone(TIME_ZONE)})


def keys_known(keys: Collection[tuple[UUID, str]]) -> set[int]:
    """Return which of these keys (client, idempotency key), by place, have a claim already."""
    if not keys:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            _KNOWN,
            [array_text([client for client, _ in keys]), array_text([key for _, key in keys])],
        )
        return {place for (place,) in cursor.fetchall()}
