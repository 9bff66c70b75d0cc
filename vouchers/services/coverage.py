"""How many units a wave may open: what the plan leaves and what every funder's money covers."""

from collections.abc import Sequence

from django.db.models import Q, Sum

from core.ledger.models import Account, AccountKind
from core.money import funder_sums
from vouchers.models import Batch
from vouchers.rules.model import rolls_over, rules_read
from vouchers.states import ReleaseState

_PAST = Q(state__in=(ReleaseState.OPEN, ReleaseState.CLOSED)) | Q(
    state=ReleaseState.CANCELLED, closed_at__isnull=False
)
"""Waves whose slot has come; what another version took out of the plan has no end."""


def units_covered(batch: Batch, wanted: int, allocated: Sequence[int]) -> int:
    """Return how many of ``wanted`` units every funder's allocated fen cover, from ``released`` on.

    One funder's money exhausted stops the batch; it never shifts to another (domain-rules §2).
    """
    before = funder_sums(batch.face_fen, batch.weights, batch.released)

    def is_covered(units: int) -> bool:
        after = funder_sums(batch.face_fen, batch.weights, batch.released + units)
        return all(
            new - old <= money for new, old, money in zip(after, before, allocated, strict=True)
        )

    low, high = 0, max(min(wanted, _room(batch)), 0)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if is_covered(middle) else (low, middle - 1)
    return low


def packs_covered(pack: Batch, parts: Sequence[Batch], wanted: int) -> int:
    """Return how many of ``wanted`` packs the money of every part covers."""
    wanted = max(min(wanted, _room(pack)), 0)
    return min(
        units_covered(part, wanted * part.pack_quantity, allocated_to(part)) // part.pack_quantity
        for part in parts
    )


def units_left_over(batch: Batch) -> int:
    """Return the units that nobody has and no coming wave needs, for the wave that opens now.

    What waves before closed with, what a wave past its end or without money did not open, and what
    expired or was given back (domain-rules §8). Units that the plan never put into a wave stay
    out; 0 where the batch keeps what is left. The caller holds the batch's lock; the wave is
    planned still.
    """
    if batch.version is None or not rolls_over(rules_read(batch.version.rules)):
        return 0
    planned = batch.releases.aggregate(
        past=Sum("planned_units", filter=_PAST, default=0),
        coming=Sum("planned_units", filter=Q(state=ReleaseState.PLANNED), default=0),
    )
    back: int = planned["past"] + batch.returned_units - batch.released
    coming: int = planned["coming"]
    return max(min(back, _room(batch) - coming), 0)


def allocated_to(batch: Batch) -> list[int]:
    """Return what each funder of a batch has allocated to it, in fen, in the order of the parts."""
    balances = dict(
        Account.objects.filter(
            campaign_id=batch.campaign_id, kind=AccountKind.ALLOCATED, unit_id=batch.pk
        ).values_list("funder_id", "balance_fen")
    )
    return [balances.get(funder_id, 0) for funder_id in batch.funder_ids]


def _room(batch: Batch) -> int:
    return batch.planned_units + batch.returned_units - batch.released
