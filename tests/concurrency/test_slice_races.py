"""Two channels claim while their wave falls back; many beats fall back once; with a control."""

import time
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import pytest
from django.db import connections

from campaigns.models import Campaign
from core.clock import TIME_ZONE
from core.embedded.record import ServiceUrls
from core.models import Client, OutboxEvent
from tests.factories.claims import claim_command
from tests.factories.persons import enrolments_make
from tests.factories.running import campaign_running
from tests.factories.slices import channel_make, sliced_document
from tests.invariants.helpers import assert_sound
from tests.support.moments import business_time_set
from tests.support.threads import at_once
from vouchers.models import Batch, Claim, Enrolment, QuotaRelease, QuotaSlice
from vouchers.services import fall_backs
from vouchers.services.claim_commands import ClaimOutcome
from vouchers.services.claims import vouchers_claim
from vouchers.services.fall_backs import quota_slices_fall_back
from vouchers.services.releases import ReleaseOutcome, quota_release_open

OPENS = datetime(2026, 3, 6, 8, tzinfo=TIME_ZONE)
FALLS = datetime(2026, 3, 6, 20, tzinfo=TIME_ZONE)
UNITS, KEPT = 60, 40
CROWD, FEW = 90, 15
THREADS = 12


def wave_open(kept: int = KEPT) -> tuple[Client, Client]:
    """Open a wave of sixty units of which the first of two channels has ``kept``."""
    ysf, other = channel_make(), channel_make()
    campaign_running(sliced_document((ysf, kept)))
    quota_release_open(now=OPENS)
    business_time_set(FALLS)
    return ysf, other


def test_claims_of_two_channels_while_the_wave_falls_back(own_database: ServiceUrls) -> None:
    ysf, other = wave_open()
    batch = Batch.objects.get(code="b1")
    crowd: list[Enrolment | None] = list(enrolments_make(other, CROWD))
    few: list[Enrolment | None] = list(enrolments_make(ysf, FEW))
    callers = [*crowd[:30], *few[:8], None, *crowd[30:50], None, *few[8:], *crowd[50:]]

    def act(person: Enrolment | None) -> list[ClaimOutcome]:
        if person is None:
            quota_slices_fall_back(now=FALLS)
            return []
        return vouchers_claim(commands=[claim_command(batch, person, at=FALLS)])

    outcomes = [one for answer in at_once(act, callers, threads=THREADS) for one in answer]
    # Whoever was refused before the fall-back comes again after it.
    again = [person for person in crowd if person and not person_has(person)]
    outcomes += vouchers_claim(commands=[claim_command(batch, one, at=FALLS) for one in again])
    found = Counter(outcome.outcome for outcome in outcomes)
    assert found["ACCEPTED"] == UNITS
    refusals = {refusal.code for outcome in outcomes for refusal in outcome.refusals}
    assert refusals == {"claim.sold_out"}
    batch.refresh_from_db()
    assert (batch.released, batch.issued) == (UNITS, UNITS)
    own = QuotaSlice.objects.get(channel=ysf)
    common = QuotaSlice.objects.get(channel=None)
    assert (own.planned, common.planned) == (own.issued, UNITS - own.issued)
    assert common.issued == common.planned
    assert not Claim.objects.filter(slice_id=own.pk).exclude(client_id=ysf.pk).exists()
    assert_sound()


def person_has(person: Enrolment) -> bool:
    return Claim.objects.filter(enrolment_id=person.pk).exists()


def beat(now: datetime) -> list[ReleaseOutcome]:
    return quota_slices_fall_back(now=now)


def fallen() -> int:
    answers = at_once(beat, [FALLS] * THREADS, threads=THREADS)
    return sum(len(outcomes) for outcomes in answers)


def test_many_beats_fall_back_once(own_database: ServiceUrls) -> None:
    ysf, _other = wave_open(UNITS)
    assert fallen() == 1
    assert OutboxEvent.objects.filter(topic="quota_release.fell_back").count() == 1
    planned = dict(QuotaSlice.objects.values_list("channel__code", "planned"))
    assert planned == {ysf.code: 0, None: UNITS}
    assert_sound()


@pytest.mark.broken_books
def test_control_without_locks_and_condition_it_falls_back_more_than_once(
    own_database: ServiceUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    wave_open()

    def campaign_read(campaign_id: UUID) -> Campaign:
        return Campaign.objects.get(pk=campaign_id)

    def batches_read(*, batch_ids: Iterable[UUID]) -> list[Batch]:
        return list(Batch.objects.filter(pk__in=list(batch_ids)))

    def releases_read(release_ids: Iterable[UUID]) -> list[QuotaRelease]:
        return list(QuotaRelease.objects.filter(pk__in=list(release_ids)))

    def slices_read(release_ids: Iterable[UUID]) -> list[QuotaSlice]:
        rows = list(QuotaSlice.objects.filter(release_id__in=list(release_ids)))
        time.sleep(0.3)
        return rows

    def due_always(*, now: datetime) -> object:
        return QuotaRelease.objects.filter(fall_back_at__lte=now)

    def move(release: QuotaRelease, unused: Iterable[QuotaSlice], units: int) -> None:
        common = QuotaSlice.objects.get(release=release, channel=None)
        QuotaSlice.objects.filter(pk=common.pk).update(planned=common.planned + units)

    monkeypatch.setattr(fall_backs, "campaign_lock", campaign_read)
    monkeypatch.setattr(fall_backs, "batches_lock", batches_read)
    monkeypatch.setattr(fall_backs, "releases_lock", releases_read)
    monkeypatch.setattr(fall_backs, "slices_lock", slices_read)
    monkeypatch.setattr(fall_backs, "fall_backs_due", due_always)
    monkeypatch.setattr(fall_backs, "_move", move)
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE vouchers_quotarelease DISABLE TRIGGER USER")
    assert fallen() > 1
    assert QuotaSlice.objects.get(channel=None).planned > UNITS
