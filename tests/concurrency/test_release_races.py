"""Two beats on one slot, on a database of their own; with a control that shows the race."""

import threading
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from uuid import UUID

import pytest
from django.db import connections

from campaigns.models import Campaign
from core.clock import TIME_ZONE
from core.embedded.record import ServiceUrls
from core.models import Entry
from tests.factories.running import balances, campaign_running
from tests.support.threads import at_once
from vouchers.models import Batch, QuotaRelease, QuotaSlice
from vouchers.services import releases
from vouchers.services.releases import ReleaseOutcome, ReleaseResult, quota_release_open

SLOT = datetime(2026, 3, 6, 8, tzinfo=TIME_ZONE)
BEATS = 8


def beat(now: datetime) -> list[ReleaseOutcome]:
    return quota_release_open(now=now)


def opened(campaign: Campaign) -> int:
    answers = at_once(beat, [SLOT] * BEATS, threads=BEATS)
    results = Counter(outcome.result for outcomes in answers for outcome in outcomes)
    return results[ReleaseResult.OPENED]


def test_many_beats_open_one_release(own_database: ServiceUrls) -> None:
    campaign = campaign_running()
    assert opened(campaign) == 1
    assert QuotaSlice.objects.count() == 1
    assert Entry.objects.filter(code="RELEASE_OPEN").count() == 1
    assert Batch.objects.get(campaign=campaign).released == 60
    assert balances(campaign)["RESERVED"] == 180_000


@pytest.mark.broken_books
def test_control_without_guards_a_release_opens_more_than_once(
    own_database: ServiceUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = campaign_running()

    def campaign_read(campaign_id: UUID) -> Campaign:
        return Campaign.objects.get(pk=campaign_id)

    def batches_read(*, batch_ids: Iterable[UUID]) -> list[Batch]:
        return list(Batch.objects.filter(pk__in=list(batch_ids)))

    both_have_read = threading.Barrier(2)

    def releases_read(release_ids: Iterable[UUID]) -> list[QuotaRelease]:
        rows = list(QuotaRelease.objects.filter(pk__in=list(release_ids)))
        # Two at least look before either writes; whoever comes later finds nobody to wait for.
        with suppress(threading.BrokenBarrierError):
            both_have_read.wait(timeout=10)
        return rows

    def take(release: QuotaRelease, target: str, **columns: object) -> bool:
        return bool(QuotaRelease.objects.filter(pk=release.pk).update(state=target, **columns))

    monkeypatch.setattr(releases, "campaign_lock", campaign_read)
    monkeypatch.setattr(releases, "batches_lock", batches_read)
    monkeypatch.setattr(releases, "releases_lock", releases_read)
    monkeypatch.setattr(releases, "_claim_release", take)
    with connections["owner"].cursor() as cursor:
        for statement in (
            "ALTER TABLE vouchers_quotaslice DROP CONSTRAINT slice_once",
            "ALTER TABLE vouchers_batch DROP CONSTRAINT batch_counters",
            "ALTER TABLE core_entry DROP CONSTRAINT core_entry_source_key_key",
            "ALTER TABLE core_account DROP CONSTRAINT account_not_negative",
        ):
            cursor.execute(statement)
    assert opened(campaign) > 1
    assert QuotaSlice.objects.count() > 1
