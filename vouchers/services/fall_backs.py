"""Fall-back (回流): at a set hour, what channels of a wave have not used goes to everybody.

The row of the release is the tick: ``fell_back_at`` is set once, by a conditional update under the
locks campaign → batch → release → slice. A second beat, a late tick or a retry changes nothing. No
money moves: the units stay released and unclaimed. Paused campaigns fall back too.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import F, QuerySet

from campaigns.locks import campaign_lock
from core.outbox.services import outbox_publish
from core.transactions import retry_conflicts, transaction
from vouchers.events import SLICES_FELL_BACK
from vouchers.locks import batches_lock, releases_lock, slices_lock
from vouchers.models import QuotaRelease, QuotaSlice
from vouchers.services.releases import (
    ReleaseOutcome,
    ReleaseResult,
    per_campaign,
    release_event,
)
from vouchers.states import ReleaseState


def fall_backs_due(*, now: datetime) -> QuerySet[QuotaRelease]:
    """Return the open waves whose hour of falling back is reached."""
    return QuotaRelease.objects.filter(
        state=ReleaseState.OPEN, fall_back_at__lte=now, fell_back_at__isnull=True
    ).order_by("fall_back_at", "pk")


def quota_slices_fall_back(*, now: datetime) -> list[ReleaseOutcome]:
    """Give everybody what the channels of every wave that is due have not used; units per wave.

    Safe to run twice, even at once.
    """
    return per_campaign(fall_backs_due(now=now), _fall_back_due, now)


@retry_conflicts
def _fall_back_due(campaign_id: UUID, now: datetime) -> list[ReleaseOutcome]:
    with transaction():
        campaign = campaign_lock(campaign_id)
        due = fall_backs_due(now=now).filter(batch__campaign=campaign)
        found = dict(due.values_list("pk", "batch_id"))
        # Claims lock the batch first too: none is between reading a slice and counting on it.
        batches_lock(batch_ids=set(found.values()))
        releases = releases_lock(found)
        slices: dict[UUID, list[QuotaSlice]] = defaultdict(list)
        for one in slices_lock(found):
            slices[one.release_id].append(one)
        outcomes = []
        for release in releases:
            unused = [
                one
                for one in slices[release.pk]
                if one.channel_id is not None and one.planned > one.issued
            ]
            units = sum(one.planned - one.issued for one in unused)
            still_due = fall_backs_due(now=now).filter(pk=release.pk)
            if not still_due.update(fell_back_at=now, fallen_units=units):
                continue
            if units:
                _move(release, unused, units)
                event = release_event(SLICES_FELL_BACK, release, units, now)
                outbox_publish(events=[event])
            outcomes.append(ReleaseOutcome(release.pk, ReleaseResult.FELL_BACK, units))
    return outcomes


def _move(release: QuotaRelease, unused: Sequence[QuotaSlice], units: int) -> None:
    for one in unused:
        as_read = QuotaSlice.objects.filter(pk=one.pk, planned=one.planned, issued=one.issued)
        if not as_read.update(planned=one.issued):
            raise RuntimeError(f"slice {one.pk} changed under its lock")
    common = QuotaSlice.objects.filter(release=release, channel__isnull=True)
    if not common.update(planned=F("planned") + units):
        QuotaSlice.objects.create(release=release, planned=units)
