"""Waves (投放): opened at their slot and closed at their end, each exactly once.

The row of the release is the tick: PLANNED → OPEN under the locks campaign → batch → release, with
a conditional update and a unique source key of its entry behind it. A second beat, a late tick or
a retry changes nothing. A wave that is due while its campaign is paused opens late, on restart.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db.models import F, Q, QuerySet

from campaigns.locks import campaign_lock
from campaigns.models import Campaign, CampaignState
from campaigns.states import OVER
from core.clock import business_date
from core.ledger.models import AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from core.money import funder_sums
from core.outbox.services import Event, outbox_publish
from core.transactions import retry_conflicts, transaction
from vouchers.events import RELEASE_CLOSED, RELEASE_OPENED
from vouchers.locks import batches_lock, releases_lock, slices_lock
from vouchers.models import Batch, QuotaRelease, QuotaSlice
from vouchers.rules.shares import running_shares
from vouchers.services.coverage import allocated_to, packs_covered, units_covered, units_left_over
from vouchers.states import ReleaseState


class ReleaseResult(StrEnum):
    """What became of a wave that was due."""

    OPENED = "OPENED"
    CANCELLED = "CANCELLED"
    WAITING = "WAITING"
    """No funder money for a single unit: it opens once money is allocated."""
    CLOSED = "CLOSED"
    FELL_BACK = "FELL_BACK"


@dataclass(frozen=True, slots=True)
class ReleaseOutcome:
    """A wave, what became of it, and how many units were opened, taken back or fell back."""

    release_id: UUID
    result: ReleaseResult
    units: int


@dataclass(frozen=True, slots=True)
class _Booking:
    """A wave to post: from ``first`` to ``last`` released units of its batch.

    ``funded`` are the batches whose money moves with it: its own, or the parts of a pack.
    """

    release: QuotaRelease
    funded: Sequence[Batch]
    first: int
    last: int


def releases_due(*, now: datetime) -> QuerySet[QuotaRelease]:
    """Return the waves to open: planned, their slot reached, their campaign live or over."""
    return QuotaRelease.objects.filter(
        state=ReleaseState.PLANNED,
        slot__lte=now,
        batch__campaign__state__in=(CampaignState.LIVE, *OVER),
    ).order_by("slot", "pk")


def releases_ending(*, now: datetime) -> QuerySet[QuotaRelease]:
    """Return the waves to close: open, past their end or that of their campaign."""
    over = (
        Q(closes_at__lte=now)
        | Q(batch__campaign__ends_at__lte=now)
        | Q(batch__campaign__state__in=OVER)
    )
    return QuotaRelease.objects.filter(over, state=ReleaseState.OPEN).order_by("slot", "pk")


def quota_release_open(*, now: datetime) -> list[ReleaseOutcome]:
    """Open every wave that is due, campaign by campaign; safe to run twice, even at once.

    A wave opens its planned units, where the batch says so with what earlier waves left over, but
    at most as many as every funder's allocated money covers, and moves that
    money allocated → reserved. Waves of a campaign that is over, or past their own end, are
    cancelled.
    """
    return per_campaign(releases_due(now=now), _open_due, now)


def quota_release_close(*, now: datetime) -> list[ReleaseOutcome]:
    """Close every wave whose end is reached and take the units left back: reserved → allocated.

    Safe to run twice, even at once.
    """
    return per_campaign(releases_ending(now=now), _close_due, now)


def slices_of(release: QuotaRelease, units: int) -> list[QuotaSlice]:
    """Return the slices of a wave that opens with ``units``: its channels' and everybody's.

    Where money covers fewer units than planned, every channel's part shrinks with the wave, by
    running totals in the order of the plan: no part is negative and together they are ``units``.
    What earlier waves left over is everybody's.
    """
    planned = min(units, release.planned_units)
    shares = running_shares(
        release.channel_units, lambda total: total * planned // release.planned_units
    )
    parts = [*zip(release.channel_ids, shares, strict=True), (None, units - sum(shares))]
    return [
        QuotaSlice(release=release, channel_id=channel_id, planned=planned)
        for channel_id, planned in parts
        if planned
    ]


@retry_conflicts
def _open_due(campaign_id: UUID, now: datetime) -> list[ReleaseOutcome]:
    with transaction():
        campaign = campaign_lock(campaign_id)
        due = releases_due(now=now).filter(batch__campaign=campaign)
        batches, parts, releases = _lock(due)
        outcomes: list[ReleaseOutcome] = []
        for release in sorted(releases, key=lambda one: (one.slot, one.pk)):
            if release.state != ReleaseState.PLANNED:
                continue
            batch = batches[release.batch_id]
            if _is_over(campaign, release, now):
                if _claim_release(release, ReleaseState.CANCELLED, closed_at=now):
                    outcomes.append(ReleaseOutcome(release.pk, ReleaseResult.CANCELLED, 0))
                continue
            if campaign.state != CampaignState.LIVE:
                continue
            funded = parts.get(batch.pk, (batch,))
            wanted = release.planned_units + units_left_over(batch)
            if batch.pk in parts:
                units = packs_covered(batch, funded, wanted)
            else:
                units = units_covered(batch, wanted, allocated_to(batch))
            if not units:
                # What claims are told until money comes; the first tick that found none.
                QuotaRelease.objects.filter(pk=release.pk, waiting_since=None).update(
                    waiting_since=now
                )
                outcomes.append(ReleaseOutcome(release.pk, ReleaseResult.WAITING, 0))
                continue
            opened = {"opened_units": units, "opened_at": now, "waiting_since": None}
            opened["rolled_units"] = max(units - release.planned_units, 0)
            if not _claim_release(release, ReleaseState.OPEN, **opened):
                continue
            QuotaSlice.objects.bulk_create(slices_of(release, units))
            outbox_publish(events=[release_event(RELEASE_OPENED, release, units, now)])
            # Posted at once, before the next wave: it is covered by what this one leaves.
            booking = _Booking(release, funded, batch.released, batch.released + units)
            _count({batch, *funded}, units)
            _post(EntryCode.RELEASE_OPEN, booking, now)
            outcomes.append(ReleaseOutcome(release.pk, ReleaseResult.OPENED, units))
    return outcomes


@retry_conflicts
def _close_due(campaign_id: UUID, now: datetime) -> list[ReleaseOutcome]:
    with transaction():
        campaign = campaign_lock(campaign_id)
        batches, parts, releases = _lock(releases_ending(now=now).filter(batch__campaign=campaign))
        left: dict[UUID, int] = {release.pk: 0 for release in releases}
        for one in slices_lock(left):
            left[one.release_id] += one.planned - one.issued
        outcomes: list[ReleaseOutcome] = []
        bookings: list[_Booking] = []
        for release in releases:
            units = left[release.pk]
            if release.state != ReleaseState.OPEN or not _claim_release(
                release, ReleaseState.CLOSED, closed_units=units, closed_at=now
            ):
                continue
            batch = batches[release.batch_id]
            funded = parts.get(batch.pk, (batch,))
            bookings.append(_Booking(release, funded, batch.released - units, batch.released))
            _count({batch, *funded}, -units)
            outcomes.append(ReleaseOutcome(release.pk, ReleaseResult.CLOSED, units))
        outbox_publish(
            events=[
                release_event(RELEASE_CLOSED, booking.release, booking.last - booking.first, now)
                for booking in bookings
            ]
        )
        for booking in bookings:
            _post(EntryCode.RELEASE_CLOSE, booking, now)
    return outcomes


def per_campaign(
    releases: QuerySet[QuotaRelease],
    act: Callable[[UUID, datetime], list[ReleaseOutcome]],
    now: datetime,
) -> list[ReleaseOutcome]:
    """Let ``act`` do its work for each campaign of these waves, in the order of their ids.

    Raises:
        ExceptionGroup: after the last, with what some campaigns met: one that cannot go on keeps
            nobody else's wave from its slot.
    """
    outcomes: list[ReleaseOutcome] = []
    errors: list[Exception] = []
    for campaign_id in sorted(set(releases.values_list("batch__campaign_id", flat=True))):
        try:
            outcomes += act(campaign_id, now)
        except Exception as error:
            error.add_note(f"campaign {campaign_id}")
            errors.append(error)
    if errors:
        raise ExceptionGroup("waves that could not be moved", errors)
    return outcomes


def _lock(
    releases: QuerySet[QuotaRelease],
) -> tuple[dict[UUID, Batch], dict[UUID, list[Batch]], list[QuotaRelease]]:
    """Lock batches and parts of packs, then releases; what another beat did meanwhile is visible.

    Returns the batches by id, the parts by their pack's, and the releases.
    """
    found = list(releases.values_list("pk", "batch_id"))
    named = {batch_id for _pk, batch_id in found}
    named |= set(Batch.objects.filter(pack__in=named).values_list("pk", flat=True))
    batches = {batch.pk: batch for batch in batches_lock(batch_ids=named)}
    parts: dict[UUID, list[Batch]] = defaultdict(list)
    for batch in batches.values():
        if batch.pack_id is not None:
            parts[batch.pack_id].append(batch)
    return batches, dict(parts), releases_lock(pk for pk, _batch in found)


def _count(batches: Iterable[Batch], units: int) -> None:
    """Add ``units`` to what is released of a batch, or of a pack and each of its parts."""
    for batch in batches:
        more = units * batch.pack_quantity
        Batch.objects.filter(pk=batch.pk).update(released=F("released") + more)
        batch.released += more


def _claim_release(release: QuotaRelease, target: ReleaseState, **columns: object) -> bool:
    """Move a wave on, if it is still where it was read; the row count decides."""
    rows = QuotaRelease.objects.filter(pk=release.pk, state=release.state)
    return bool(rows.update(state=target, **columns))


def _is_over(campaign: Campaign, release: QuotaRelease, now: datetime) -> bool:
    ended = campaign.state in OVER or campaign.ends_at <= now
    return ended or (release.closes_at is not None and release.closes_at <= now)


def _post(code: EntryCode, booking: _Booking, now: datetime) -> None:
    accounts = [AccountKind.ALLOCATED, AccountKind.RESERVED]
    if code == EntryCode.RELEASE_CLOSE:
        accounts.reverse()
    entry_post(
        code=code,
        campaign_id=booking.funded[0].campaign_id,
        source_key=f"{code.lower()}:{booking.release.pk}",
        business_date=business_date(now),
        at=now,
        transfers=[
            transfer
            for batch in booking.funded
            for transfer in _transfers(
                batch,
                accounts,
                funder_sums(batch.face_fen, batch.weights, booking.first * batch.pack_quantity),
                funder_sums(batch.face_fen, batch.weights, booking.last * batch.pack_quantity),
            )
        ],
    )


def _transfers(
    batch: Batch, accounts: Sequence[AccountKind], before: Iterable[int], after: Iterable[int]
) -> list[Transfer]:
    debit, credit = accounts
    return [
        Transfer(funder_id, debit, credit, new - old, batch.pk, batch.pk)
        for funder_id, old, new in zip(batch.funder_ids, before, after, strict=True)
    ]


def release_event(topic: str, release: QuotaRelease, units: int, now: datetime) -> Event:
    """Return the event that ``units`` of a wave were opened, taken back or fell back at ``now``."""
    return Event(
        topic=topic,
        aggregate_type="quota_release",
        aggregate_id=release.pk,
        at=now,
        payload={"batch": str(release.batch_id), "slot": release.slot, "units": units},
    )
