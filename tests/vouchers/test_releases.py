"""Waves: opened once, as far as every funder's money goes, closed with what is left."""

from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from campaigns.models import Campaign
from campaigns.services.lifecycle import (
    campaign_end,
    campaign_pause,
    campaign_restart_request,
    campaigns_end_due,
)
from core.access.models import Role
from core.clock import TIME_ZONE
from core.errors import Refusal
from core.ledger.models import AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from core.models import Entry, OutboxEvent
from tests.factories.approvals import approve
from tests.factories.campaigns import BatchPlan, campaign_live
from tests.factories.claims import claim_command
from tests.factories.definitions import document_make
from tests.factories.merchants import client_make
from tests.factories.persons import enrolment_make
from tests.factories.running import balances, campaign_running
from tests.factories.staff import staff_make
from vouchers.models import Batch, Enrolment, QuotaRelease, QuotaSlice
from vouchers.offers import OfferState, offers_of
from vouchers.services.claims import vouchers_claim
from vouchers.services.coverage import units_covered
from vouchers.services.release_proofs import releases_prove
from vouchers.services.releases import (
    ReleaseResult,
    quota_release_close,
    quota_release_open,
)
from vouchers.tasks import releases_tick

pytestmark = pytest.mark.django_db
FIRST = datetime(2026, 3, 6, 8, tzinfo=TIME_ZONE)
SECOND = datetime(2026, 3, 13, 8, tzinfo=TIME_ZONE)
END = datetime(2026, 4, 1, tzinfo=TIME_ZONE)


@pytest.fixture
def campaign() -> Campaign:
    return campaign_running()


def claims(batch: Batch, count: int, at: datetime) -> list[str]:
    client = client_make()
    commands = [claim_command(batch, enrolment_make(client), at=at) for _ in range(count)]
    return [outcome.outcome for outcome in vouchers_claim(commands=commands)]


def test_a_wave_opens_at_its_slot_with_its_money(campaign: Campaign) -> None:
    assert quota_release_open(now=FIRST - timedelta(seconds=1)) == []
    (outcome,) = quota_release_open(now=FIRST)
    assert (outcome.result, outcome.units) == (ReleaseResult.OPENED, 60)
    release = QuotaRelease.objects.get(pk=outcome.release_id)
    assert (release.state, release.opened_units, release.opened_at) == ("OPEN", 60, FIRST)
    assert list(QuotaSlice.objects.values_list("planned", "issued")) == [(60, 0)]
    batch = Batch.objects.get(campaign=campaign)
    assert (batch.released, batch.issued) == (60, 0)
    assert balances(campaign) == {
        "FUNDER_RECEIVABLE": 270_000,
        "CONCESSION": 30_000,
        "ALLOCATED": 120_000,
        "RESERVED": 180_000,
    }
    assert OutboxEvent.objects.filter(topic="quota_release.opened").count() == 1


def test_a_second_tick_changes_nothing(campaign: Campaign) -> None:
    quota_release_open(now=FIRST)
    entries = Entry.objects.count()
    assert quota_release_open(now=FIRST + timedelta(seconds=1)) == []
    assert Entry.objects.count() == entries
    assert Batch.objects.get(campaign=campaign).released == 60


def test_a_late_tick_catches_up_in_order(campaign: Campaign) -> None:
    outcomes = quota_release_open(now=SECOND + timedelta(hours=3))
    assert [one.units for one in outcomes] == [60, 40]
    assert Batch.objects.get(campaign=campaign).released == 100


def test_a_wave_of_a_paused_campaign_opens_on_restart(campaign: Campaign) -> None:
    maker = staff_make(Role.CAMPAIGN_MAKER)
    campaign_pause(campaign_id=campaign.pk, reason="系统检修", actor=maker, now=FIRST)
    assert quota_release_open(now=FIRST) == []
    assert balances(campaign)["ALLOCATED"] == 300_000
    later = FIRST + timedelta(hours=2)
    approve(
        campaign_restart_request(
            campaign_id=campaign.pk, reason="检修完成", actor=maker, now=later
        ),
        now=later,
    )
    (outcome,) = quota_release_open(now=later)
    assert outcome.units == 60
    assert QuotaRelease.objects.get(pk=outcome.release_id).opened_at == later


def test_one_campaigns_failing_wave_keeps_nobody_else_waiting(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = campaign_running(document_make(code="other-2026"))
    broken, sound = sorted([campaign, other], key=lambda one: one.pk)
    monkeypatch.setattr("core.clock.now", lambda: FIRST)
    batch = Batch.objects.get(campaign=broken)
    release = QuotaRelease.objects.filter(batch=batch).earliest("slot")
    spent = Transfer(
        batch.funder_ids[0],
        AccountKind.ALLOCATED,
        AccountKind.AVAILABLE,
        1,
        debit_unit=batch.pk,
    )
    entry_post(
        code=EntryCode.ALLOCATE,
        campaign_id=broken.pk,
        source_key=f"release_open:{release.pk}",
        business_date=FIRST.date(),
        at=FIRST,
        transfers=[spent],
    )
    with pytest.raises(ExceptionGroup) as failed:
        releases_tick()
    (error,) = failed.value.exceptions
    assert isinstance(error, IntegrityError)
    assert error.__notes__ == [f"campaign {broken.pk}"]
    released = Batch.objects.order_by("campaign_id").values_list("campaign_id", "released")
    assert list(released) == [(broken.pk, 0), (sound.pk, 60)]


def test_one_funders_money_exhausted_stops_the_batch(campaign: Campaign) -> None:
    batch = Batch.objects.get(campaign=campaign)
    bank = batch.funder_ids[1]
    with transaction.atomic():
        entry_post(
            code=EntryCode.ALLOCATE,
            campaign_id=campaign.pk,
            source_key="test:cut",
            business_date=FIRST.date(),
            at=FIRST,
            transfers=[
                Transfer(
                    bank,
                    AccountKind.ALLOCATED,
                    AccountKind.AVAILABLE,
                    70_000 - 6_999,
                    debit_unit=batch.pk,
                )
            ],
        )
    (outcome,) = quota_release_open(now=FIRST)
    # 10 units need 7,000 fen of the bank, 9 units 6,300.
    assert (outcome.result, outcome.units) == (ReleaseResult.OPENED, 9)
    assert QuotaRelease.objects.get(pk=outcome.release_id).planned_units == 60


def money_moves(batch: Batch, debit: AccountKind, credit: AccountKind, fen: int, key: str) -> None:
    unit = {"debit_unit" if debit == AccountKind.ALLOCATED else "credit_unit": batch.pk}
    entry_post(
        code=EntryCode.ALLOCATE,
        campaign_id=batch.campaign_id,
        source_key=f"test:{key}",
        business_date=FIRST.date(),
        at=FIRST,
        transfers=[Transfer(batch.funder_ids[0], debit, credit, fen, **unit)],
    )


def test_a_wave_without_money_waits_and_says_so(campaign: Campaign) -> None:
    batch = Batch.objects.get(campaign=campaign)
    money_moves(batch, AccountKind.ALLOCATED, AccountKind.AVAILABLE, 200_000, "cut")
    (outcome,) = quota_release_open(now=FIRST)
    assert (outcome.result, outcome.units) == (ReleaseResult.WAITING, 0)
    release = QuotaRelease.objects.get(pk=outcome.release_id)
    assert (release.state, release.waiting_since) == ("PLANNED", FIRST)
    assert not QuotaSlice.objects.exists()
    person = enrolment_make()
    refused = [Refusal("claim.budget_exhausted")]
    assert claim_said(batch, person, FIRST) == refused
    (offer,) = offers_of([batch], client_id=person.client_id, person=person, now=FIRST)
    assert (offer.state, offer.next_release_at) == (OfferState.UNFUNDED, None)
    assert list(offer.refusals or ()) == refused
    later = FIRST + timedelta(hours=1)
    quota_release_open(now=later)
    release.refresh_from_db()
    assert release.waiting_since == FIRST

    money_moves(batch, AccountKind.AVAILABLE, AccountKind.ALLOCATED, 40_000, "more")
    (outcome,) = quota_release_open(now=later)
    assert (outcome.result, outcome.units) == (ReleaseResult.OPENED, 20)
    assert QuotaRelease.objects.filter(pk=release.pk, waiting_since=None).exists()
    assert claims(batch, 20, later) == ["ACCEPTED"] * 20
    # The second wave finds no money; what was released is gone, so nobody's person is asked for.
    quota_release_open(now=SECOND)
    assert claim_said(batch, person, SECOND) == refused
    with pytest.raises(IntegrityError, match="release_waits_unopened"), transaction.atomic():
        QuotaRelease.objects.filter(state="OPEN").update(waiting_since=SECOND)


def claim_said(batch: Batch, person: Enrolment, at: datetime) -> list[Refusal]:
    (outcome,) = vouchers_claim(commands=[claim_command(batch, person, at=at)])
    return list(outcome.refusals)


def test_units_covered_follow_the_running_sums() -> None:
    # Linhe 2023, 142:80:58 on 20.00: numbers 1 and 2 take 1014 + 1014 of funder 1.
    batch = Batch(face_fen=2_000, weights=[142, 80, 58], planned_units=10)
    assert units_covered(batch, 10, [2_028, 10_000, 10_000]) == 2
    assert units_covered(batch, 10, [2_027, 10_000, 10_000]) == 1
    assert units_covered(batch, 10, [100_000, 100_000, 100_000]) == 10
    batch.released = 10
    assert units_covered(batch, 10, [100_000, 100_000, 100_000]) == 0
    batch.returned_units = 3
    assert units_covered(batch, 10, [100_000, 100_000, 100_000]) == 3


def test_a_wave_closes_with_the_units_left() -> None:
    closes_at = FIRST + timedelta(hours=4)
    live = campaign_live(
        batches=[BatchPlan(face_fen=2_000, units=10, closes_at=closes_at)], opened_at=FIRST
    )
    assert claims(live.batch, 3, FIRST) == ["ACCEPTED"] * 3
    assert quota_release_close(now=closes_at - timedelta(seconds=1)) == []
    (outcome,) = quota_release_close(now=closes_at)
    assert (outcome.result, outcome.units) == (ReleaseResult.CLOSED, 7)
    batch = Batch.objects.get(pk=live.batch.pk)
    assert (batch.released, batch.issued) == (3, 3)
    release = QuotaRelease.objects.get(pk=live.release.pk)
    assert (release.state, release.closed_units, release.closed_at) == ("CLOSED", 7, closes_at)
    later = closes_at + timedelta(minutes=1)
    assert (releases_prove(now=later), releases_prove(now=later)) == (1, 0)
    release.refresh_from_db()
    assert (release.opened_units, release.claimed_units, release.proved_at) == (10, 3, later)
    books = balances(live.campaign)
    assert (books["OUTSTANDING"], books["ALLOCATED"]) == (6_000, 14_000)
    assert "RESERVED" not in books
    assert quota_release_close(now=closes_at) == []
    assert claims(live.batch, 1, FIRST) == ["REFUSED"]


def test_a_wave_that_is_used_up_is_proved_by_its_claims() -> None:
    live = campaign_live(batches=[BatchPlan(units=5, open_units=3)], opened_at=FIRST)
    assert claims(live.batch, 2, FIRST) == ["ACCEPTED"] * 2
    assert releases_prove(now=FIRST) == 0
    assert claims(live.batch, 2, FIRST) == ["ACCEPTED", "REFUSED"]
    assert releases_prove(now=SECOND) == 1
    release = QuotaRelease.objects.get(pk=live.release.pk)
    assert (release.state, release.claimed_units, release.proved_at) == ("OPEN", 3, SECOND)
    assert releases_prove(now=SECOND) == 0


def test_the_database_refuses_a_proof_that_does_not_add_up() -> None:
    live = campaign_live(batches=[BatchPlan(units=3)], opened_at=FIRST)
    release = QuotaRelease.objects.filter(pk=live.release.pk)
    for wrong in ({"claimed_units": 2, "proved_at": FIRST}, {"proved_at": FIRST}):
        with pytest.raises(IntegrityError, match="release_proof"), transaction.atomic():
            release.update(**wrong)


def test_the_end_of_a_campaign_closes_open_waves_and_cancels_planned_ones(
    campaign: Campaign,
) -> None:
    quota_release_open(now=FIRST)
    maker = staff_make(Role.CAMPAIGN_MAKER)
    campaign_end(campaign_id=campaign.pk, reason="资金用完", actor=maker, now=FIRST)
    assert [one.units for one in quota_release_close(now=FIRST)] == [60]
    (cancelled,) = quota_release_open(now=SECOND)
    assert cancelled.result == ReleaseResult.CANCELLED
    assert balances(campaign)["ALLOCATED"] == 300_000


def test_campaigns_end_with_their_period(campaign: Campaign) -> None:
    assert campaigns_end_due(now=END - timedelta(seconds=1)) == []
    assert campaigns_end_due(now=END) == [campaign.code]
    campaign.refresh_from_db()
    assert campaign.state == "ENDED"
    assert campaigns_end_due(now=END) == []


def test_the_database_refuses_a_second_opening(campaign: Campaign) -> None:
    (outcome,) = quota_release_open(now=FIRST)
    release = QuotaRelease.objects.get(pk=outcome.release_id)
    with pytest.raises(DatabaseError, match="Invalid transition"), transaction.atomic():
        QuotaRelease.objects.filter(pk=release.pk).update(state="PLANNED")
    with pytest.raises(IntegrityError, match="slice_once"), transaction.atomic():
        QuotaSlice.objects.create(release=release, planned=60)
    treasury = Batch.objects.get(campaign=campaign).funder_ids[0]
    again = Transfer(treasury, AccountKind.FUNDER_RECEIVABLE, AccountKind.AVAILABLE, 1)
    with pytest.raises(IntegrityError, match="source_key"), transaction.atomic():
        entry_post(
            code=EntryCode.RELEASE_OPEN,
            campaign_id=campaign.pk,
            source_key=f"release_open:{release.pk}",
            business_date=FIRST.date(),
            at=FIRST,
            transfers=[again],
        )
    with pytest.raises(IntegrityError, match="batch_counters"), transaction.atomic():
        Batch.objects.filter(campaign=campaign).update(released=101)
