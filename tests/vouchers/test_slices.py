"""Units kept for channels: opened with the wave, claimed by their own, fallen back once."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from campaigns.models import Campaign
from campaigns.services.lifecycle import campaign_pause
from core.access.models import Role
from core.clock import TIME_ZONE
from core.errors import Refusal
from core.ledger.models import AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from core.models import Client, Entry, OutboxEvent
from tests.factories.claims import claim_command
from tests.factories.packs import pack_document
from tests.factories.persons import enrolment_make
from tests.factories.running import balances, campaign_running
from tests.factories.slices import channel_make, shares, sliced_document
from tests.factories.staff import staff_make
from tests.invariants.helpers import checks_failing
from tests.support.moments import business_time_set
from vouchers.models import Batch, QuotaRelease, QuotaSlice
from vouchers.services.claim_commands import ClaimOutcome
from vouchers.services.claims import vouchers_claim
from vouchers.services.expiry import vouchers_expire
from vouchers.services.fall_backs import quota_slices_fall_back
from vouchers.services.release_proofs import releases_prove
from vouchers.services.releases import (
    ReleaseResult,
    quota_release_close,
    quota_release_open,
    slices_of,
)
from vouchers.tasks import releases_tick

pytestmark = pytest.mark.django_db
OPENS = datetime(2026, 3, 6, 8, tzinfo=TIME_ZONE)
SOON = OPENS + timedelta(minutes=1)
FALLS = datetime(2026, 3, 6, 20, tzinfo=TIME_ZONE)
NEXT = datetime(2026, 3, 13, 8, tzinfo=TIME_ZONE)
END = datetime(2026, 4, 1, tzinfo=TIME_ZONE)


@pytest.fixture
def ysf() -> Client:
    return channel_make()


@pytest.fixture
def desk() -> Client:
    return channel_make(Client.Kind.DESK)


@pytest.fixture
def other() -> Client:
    return channel_make()


def opened(document: dict[str, Any]) -> Campaign:
    campaign = campaign_running(document)
    quota_release_open(now=OPENS)
    return campaign


def tick(now: datetime) -> None:
    business_time_set(now)
    releases_tick()


def counters() -> dict[str, tuple[int, int]]:
    """Return (planned, issued) of every slice by its channel's code, everybody's under ``*``."""
    rows = QuotaSlice.objects.values_list("channel__code", "planned", "issued")
    return {code or "*": (planned, issued) for code, planned, issued in rows}


def claims(client: Client, count: int, at: datetime, batch: str = "b1") -> list[ClaimOutcome]:
    found = Batch.objects.get(code=batch)
    commands = [claim_command(found, enrolment_make(client), at=at) for _ in range(count)]
    return vouchers_claim(commands=commands)


def results(outcomes: list[ClaimOutcome]) -> list[str]:
    return [one.outcome for one in outcomes]


def sold_out(at: datetime | None) -> tuple[Refusal, ...]:
    return (Refusal("claim.sold_out", {"next_release_at": at} if at else {}),)


def test_a_wave_opens_with_a_slice_for_each_channel_and_one_for_all(
    ysf: Client, desk: Client
) -> None:
    campaign = opened(sliced_document((ysf, 20), (desk, 10)))
    assert counters() == {ysf.code: (20, 0), desk.code: (10, 0), "*": (30, 0)}
    assert balances(campaign)["RESERVED"] == 180_000
    assert checks_failing() == {}


def test_a_wave_that_is_kept_whole_has_no_common_slice(ysf: Client, other: Client) -> None:
    opened(sliced_document((ysf, 3), units=3))
    assert counters() == {ysf.code: (3, 0)}
    assert [one.refusals for one in claims(other, 1, SOON)] == [sold_out(FALLS)]


def test_slices_shrink_with_the_money_by_running_totals(ysf: Client, desk: Client) -> None:
    campaign = campaign_running(sliced_document((ysf, 20), (desk, 10)))
    batch = Batch.objects.get(campaign=campaign)
    cut = Transfer(
        batch.funder_ids[1],
        AccountKind.ALLOCATED,
        AccountKind.AVAILABLE,
        70_000 - 6_999,
        debit_unit=batch.pk,
    )
    with transaction.atomic():
        entry_post(
            code=EntryCode.ALLOCATE,
            campaign_id=campaign.pk,
            source_key="test:cut",
            business_date=OPENS.date(),
            at=OPENS,
            transfers=[cut],
        )
    (outcome,) = quota_release_open(now=OPENS)
    assert outcome.units == 9
    # 20 of 60 are 3 of 9; 30 of 60 are 4 of 9.
    assert counters() == {ysf.code: (3, 0), desk.code: (1, 0), "*": (5, 0)}


@pytest.mark.parametrize("units", range(1, 8))
def test_slices_are_never_negative_and_add_up(units: int, ysf: Client, desk: Client) -> None:
    release = QuotaRelease(planned_units=7, channel_ids=[ysf.pk, desk.pk], channel_units=[2, 5])
    made = slices_of(release, units)
    assert sum(one.planned for one in made) == units
    assert all(one.planned > 0 for one in made)
    assert None not in [one.channel_id for one in made]


def test_a_channel_takes_its_own_units_first_and_then_the_common_ones(
    ysf: Client, other: Client
) -> None:
    opened(sliced_document((ysf, 2), units=3))
    assert results(claims(ysf, 1, SOON)) == ["ACCEPTED"]
    assert counters() == {ysf.code: (2, 1), "*": (1, 0)}
    assert results(claims(other, 2, SOON)) == ["ACCEPTED", "REFUSED"]
    assert results(claims(ysf, 2, SOON)) == ["ACCEPTED", "REFUSED"]
    assert counters() == {ysf.code: (2, 2), "*": (1, 1)}
    assert checks_failing() == {}


def test_the_whole_day_of_a_sliced_wave(ysf: Client, desk: Client, other: Client) -> None:
    campaign = opened(sliced_document((ysf, 4), (desk, 2), units=7))
    before = balances(campaign)
    assert results(claims(other, 1, SOON)) == ["ACCEPTED"]
    assert results(claims(ysf, 1, SOON)) == ["ACCEPTED"]
    # His channel has nothing left; what the others do not use comes at 20:00.
    (refused,) = claims(other, 1, SOON)
    assert refused.refusals == sold_out(FALLS)
    assert results(claims(desk, 1, SOON)) == ["ACCEPTED"]

    assert quota_slices_fall_back(now=FALLS - timedelta(microseconds=1)) == []
    entries = Entry.objects.count()
    (moved,) = quota_slices_fall_back(now=FALLS)
    assert (moved.result, moved.units) == (ReleaseResult.FELL_BACK, 4)
    assert counters() == {ysf.code: (1, 1), desk.code: (1, 1), "*": (5, 1)}
    release = QuotaRelease.objects.get(pk=moved.release_id)
    assert (release.fell_back_at, release.fallen_units) == (FALLS, 4)
    event = OutboxEvent.objects.get(topic="quota_release.fell_back")
    assert event.payload["units"] == 4
    assert Entry.objects.count() == entries
    assert balances(campaign)["RESERVED"] == before["RESERVED"] - 3 * 3_000
    assert checks_failing() == {}

    assert quota_slices_fall_back(now=FALLS + timedelta(seconds=2)) == []
    assert OutboxEvent.objects.filter(topic="quota_release.fell_back").count() == 1
    late = FALLS + timedelta(seconds=3)
    assert results(claims(other, 3, late)) == ["ACCEPTED"] * 3
    assert results(claims(ysf, 2, late)) == ["ACCEPTED", "REFUSED"]
    (refused,) = claims(desk, 1, late)
    assert refused.refusals == sold_out(NEXT)
    assert releases_prove(now=late) == 1
    release.refresh_from_db()
    assert release.claimed_units == 7
    assert checks_failing() == {}


def test_units_kept_without_an_hour_stay_kept_and_close_with_the_wave(
    ysf: Client, desk: Client
) -> None:
    closes_at = OPENS + timedelta(hours=4)
    campaign = opened(
        sliced_document(
            (ysf, 2),
            (desk, 3),
            units=10,
            fall_back_at=None,
            closes_at=closes_at.isoformat(),
        )
    )
    assert results(claims(ysf, 7, SOON)) == ["ACCEPTED"] * 7
    (refused,) = claims(ysf, 1, SOON)
    assert refused.refusals == sold_out(NEXT)
    tick(closes_at - timedelta(seconds=1))
    assert counters() == {ysf.code: (2, 2), desk.code: (3, 0), "*": (5, 5)}
    assert [one.units for one in quota_release_close(now=closes_at)] == [3]
    batch = Batch.objects.get(campaign=campaign)
    assert (batch.released, batch.issued) == (7, 7)
    assert releases_prove(now=closes_at) == 1
    assert checks_failing() == {}


def test_a_wave_that_is_over_closes_and_does_not_fall_back(ysf: Client) -> None:
    opened(sliced_document((ysf, 5), units=10, closes_at="2026-03-06T21:00:00+08:00"))
    tick(FALLS + timedelta(hours=2))
    release = QuotaRelease.objects.get(slot=OPENS)
    assert (release.state, release.closed_units, release.fell_back_at) == ("CLOSED", 10, None)
    assert counters() == {ysf.code: (5, 0), "*": (5, 0)}
    assert checks_failing() == {}


def test_a_late_tick_opens_and_falls_back(ysf: Client) -> None:
    campaign_running(sliced_document((ysf, 5), units=10))
    tick(FALLS + timedelta(minutes=1))
    assert counters() == {ysf.code: (0, 0), "*": (10, 0)}
    assert checks_failing() == {}


def test_a_paused_campaign_falls_back_too(ysf: Client, other: Client) -> None:
    campaign = opened(sliced_document((ysf, 5), units=10))
    maker = staff_make(Role.CAMPAIGN_MAKER)
    campaign_pause(campaign_id=campaign.pk, reason="系统检修", actor=maker, now=SOON)
    tick(FALLS)
    assert counters() == {ysf.code: (0, 0), "*": (10, 0)}
    (refused,) = claims(other, 1, FALLS)
    assert [one.code for one in refused.refusals] == ["claim.paused"]


def test_what_falls_back_expires_like_any_other_unit(ysf: Client, other: Client) -> None:
    campaign = opened(sliced_document((ysf, 2), units=2))
    tick(FALLS)
    assert results(claims(other, 1, FALLS)) == ["ACCEPTED"]
    tick(END)
    assert vouchers_expire(now=END + timedelta(minutes=5)) == 1
    books = balances(campaign)
    assert books["ALLOCATED"] == 300_000
    assert "RESERVED" not in books
    business_time_set(END + timedelta(minutes=6))
    assert checks_failing() == {}


def test_a_check_names_what_has_not_fallen_back_an_hour_late(ysf: Client, other: Client) -> None:
    name = "vouchers.slices_fall_back_in_time"
    opened(sliced_document((ysf, 5), units=10))
    claims(other, 1, FALLS + timedelta(minutes=59))
    assert checks_failing([name]) == {}
    claims(other, 1, FALLS + timedelta(minutes=61))
    assert checks_failing([name]) == {name: 1}
    quota_slices_fall_back(now=FALLS + timedelta(minutes=61))
    assert checks_failing([name]) == {}


def test_packs_are_sliced_like_vouchers(ysf: Client, other: Client) -> None:
    document = pack_document()
    document["batches"][0]["releases"][0] |= {
        "channels": shares((ysf, 4)),
        "fall_back_at": FALLS.isoformat(),
    }
    campaign = opened(document)
    assert counters() == {ysf.code: (4, 0), "*": (2, 0)}
    assert results(claims(ysf, 1, SOON, "pack")) == ["ACCEPTED"]
    answers = claims(other, 3, SOON, "pack")
    assert results(answers) == ["ACCEPTED", "ACCEPTED", "REFUSED"]
    assert answers[2].refusals == sold_out(FALLS)
    assert [one.units for one in quota_slices_fall_back(now=FALLS)] == [3]
    assert results(claims(other, 4, FALLS, "pack")) == ["ACCEPTED"] * 3 + ["REFUSED"]
    parts = Batch.objects.filter(campaign=campaign, pack__isnull=False).order_by("code")
    assert [part.issued for part in parts] == [12, 12, 6]
    assert checks_failing() == {}


def test_an_empty_channel_is_answered_by_the_counters_alone(
    ysf: Client, other: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(sliced_document((ysf, 1), units=2))
    claims(other, 1, SOON)
    with monkeypatch.context() as patched:
        # Whoever is refused costs no lock of the batch.
        patched.delattr("vouchers.services.claims._decide")
        (refused,) = claims(other, 1, SOON)
        assert refused.refusals == sold_out(FALLS)
    assert results(claims(ysf, 1, SOON)) == ["ACCEPTED"]
    # Nothing is left that could fall back.
    (refused,) = claims(other, 1, SOON)
    assert refused.refusals == sold_out(NEXT)


def test_claims_of_one_group_are_refused_with_the_same_hour(ysf: Client, other: Client) -> None:
    """The last common unit goes in this group, so the claim function itself refuses the rest."""
    opened(sliced_document((ysf, 1), units=2))
    first, second = claims(other, 2, SOON)
    assert (first.outcome, second.refusals) == ("ACCEPTED", sold_out(FALLS))
    own, common = claims(ysf, 2, SOON)
    assert (own.outcome, common.refusals) == ("ACCEPTED", sold_out(NEXT))


def test_units_falling_back_of_a_wave_that_ends_before_are_not_promised(
    ysf: Client, other: Client
) -> None:
    opened(sliced_document((ysf, 5), units=10, closes_at="2026-03-06T21:00:00+08:00"))
    (refused,) = claims(other, 1, datetime(2026, 3, 6, 21, tzinfo=TIME_ZONE))
    assert refused.refusals == sold_out(NEXT)


def test_the_database_keeps_slices_and_plans(ysf: Client, desk: Client) -> None:
    opened(sliced_document((ysf, 2), units=10))
    with pytest.raises(IntegrityError, match="slice_counters"), transaction.atomic():
        QuotaSlice.objects.filter(channel=ysf).update(issued=3)
    with pytest.raises(IntegrityError, match="slice_once"), transaction.atomic():
        QuotaSlice.objects.create(
            release=QuotaRelease.objects.get(slot=OPENS), channel=ysf, planned=1
        )
    wave = "UPDATE vouchers_quotarelease SET {} WHERE slot = '2026-03-{} 08:00+08'"
    for change, day, refusal in (
        ("channel_units = '{3}'", "06", "Cannot update rows"),
        ("fall_back_at = NULL", "06", "Cannot update rows"),
        ("planned_units = 11", "06", "Cannot update rows"),
        ("fell_back_at = '2026-03-06 19:59+08'", "06", "release_fell_back"),
        (f"channel_ids = '{{{desk.pk}}}', channel_units = '{{91}}'", "13", "channels_within"),
        (f"channel_ids = '{{{desk.pk}}}', channel_units = '{{0}}'", "13", "channels_within"),
        (f"channel_ids = '{{{desk.pk}}}'", "13", "release_channels"),
    ):
        with (
            pytest.raises(DatabaseError, match=refusal),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(wave.format(change, day))
    quota_slices_fall_back(now=FALLS)
    with (
        pytest.raises(DatabaseError, match="Cannot update rows"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(wave.format("fell_back_at = NULL, fallen_units = 0", "06"))


def test_a_wave_without_channels_costs_no_statement_more(
    ysf: Client, django_assert_num_queries: Any
) -> None:
    opened(sliced_document(fall_back_at=None))
    people = [enrolment_make(ysf) for _ in range(2)]
    batch = Batch.objects.get(code="b1")
    assert counters() == {"*": (60, 0)}
    # The rules of the batch, the persons, the claim function, and a transaction's own three.
    with django_assert_num_queries(6):
        vouchers_claim(commands=[claim_command(batch, one, at=SOON) for one in people])
