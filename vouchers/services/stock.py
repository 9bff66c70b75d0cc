"""When a batch has nothing left for anybody: known without looking at the person.

A wave sells out in seconds and is asked for a hundred thousand times afterwards. Those claims are
refused by counters read once per group, after the claims arrived and without a lock
(docs/decisions/sold-out-is-read-once-per-group.md): whoever is refused came when nothing was left,
in whatever process, after whatever restart.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from core.clock import TIME_ZONE
from core.errors import Refusal

_KNOWN = "SELECT * FROM vouchers_claims_known(%s::uuid[], %s::text[])"


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

    @property
    def is_empty(self) -> bool:
        """Whether everything that was released is taken; false where nobody may claim."""
        return self.claimable and 0 < self.released == self.issued

    def refusal(self, at: datetime) -> Refusal | None:
        """Return the refusal of a claim at ``at`` if no unit is left, else None.

        Sold out; or not started, while a wave whose slot has come waits for its tick or its money.
        None where anything else may be the reason: then the claim function says.
        """
        has_begun = self.first_slot is not None and self.first_slot <= at
        opens_later = self.latest_open is not None and self.latest_open > at
        if not self.is_empty or not has_begun or opens_later:
            return None
        if self.next_slot is None:
            return Refusal("claim.sold_out")
        slot = self.next_slot.astimezone(TIME_ZONE)
        if slot <= at:
            return Refusal("claim.not_started", {"opens_at": slot})
        return Refusal("claim.sold_out", {"next_release_at": slot})


def keys_known(keys: Collection[tuple[UUID, str]]) -> set[int]:
    """Return which of these keys (client, idempotency key), by place, have a claim already."""
    if not keys:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [[client for client, _ in keys], [key for _, key in keys]])
        return {place for (place,) in cursor.fetchall()}
