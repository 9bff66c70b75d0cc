"""What a wave leaves opens with the batch's next one, where the batch says so (domain-rules §8)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import translation

from campaigns.definition.document import definition_build
from campaigns.errors import DefinitionInvalidError
from campaigns.models import Campaign
from campaigns.services.drafts import campaign_draft_save
from campaigns.services.lifecycle import campaign_pause, campaign_restart_request
from campaigns.services.versions import campaign_submit
from core.access.models import Role
from core.clock import TIME_ZONE
from core.ledger.models import AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from tests.campaigns.test_definition_files import problems
from tests.factories.approvals import approve
from tests.factories.claims import vouchers_issued
from tests.factories.definitions import document_make
from tests.factories.packs import pack_document
from tests.factories.running import balances, campaign_running
from tests.factories.slices import channel_make, shares
from tests.factories.staff import staff_make
from tests.invariants.helpers import assert_sound
from vouchers.definition.plan_words import plan_words
from vouchers.definition.rows import batches_export
from vouchers.models import Batch, QuotaRelease
from vouchers.services.expiry import vouchers_expire
from vouchers.services.releases import quota_release_close, quota_release_open

pytestmark = pytest.mark.django_db
FIRST = datetime(2026, 3, 6, 8, tzinfo=TIME_ZONE)
CLOSES = FIRST + timedelta(days=1)
SECOND = datetime(2026, 3, 13, 8, tzinfo=TIME_ZONE)
THIRD = datetime(2026, 3, 20, 8, tzinfo=TIME_ZONE)


def document(*, leftover: str = "NEXT_WAVE", **first: Any) -> dict[str, Any]:
    """Return a batch of 100 units in waves of 60, 30 and 10; the first two close after a day."""
    made = document_make()
    (batch,) = made["batches"]
    batch["rules"]["leftover"] = leftover
    batch["releases"] = [
        {"slot": slot.isoformat(), "units": units, **more}
        for slot, units, more in (
            (FIRST, 60, {"closes_at": CLOSES.isoformat(), **first}),
            (SECOND, 30, {"closes_at": (SECOND + timedelta(days=1)).isoformat()}),
            (THIRD, 10, {}),
        )
    ]
    return made


def opened() -> list[tuple[int, int, int]]:
    columns = ("planned_units", "rolled_units", "opened_units")
    return list(QuotaRelease.objects.order_by("slot").values_list(*columns))


def first_wave(campaign: Campaign, *, claimed: int) -> Batch:
    """Let ``claimed`` of the first wave be claimed, and all of them expire unused."""
    quota_release_open(now=FIRST)
    batch = Batch.objects.get(campaign=campaign)
    vouchers_issued(batch, claimed, at=FIRST)
    quota_release_close(now=CLOSES)
    assert vouchers_expire(now=FIRST + timedelta(hours=73)) == claimed
    return batch


def test_the_next_wave_opens_with_what_was_left_and_what_expired() -> None:
    campaign = campaign_running(document())
    batch = first_wave(campaign, claimed=10)
    (wave,) = quota_release_open(now=SECOND)
    assert wave.units == 30 + 50 + 10
    assert opened() == [(60, 0, 60), (30, 60, 90), (10, 0, 0)]
    books = balances(campaign)
    assert (books["RESERVED"], books["ALLOCATED"]) == (90 * 3_000, 10 * 3_000)
    vouchers_issued(batch, 15, at=SECOND)
    quota_release_close(now=SECOND + timedelta(days=1))
    (wave,) = quota_release_open(now=THIRD)
    # 75 of the second wave; its 15 vouchers are swept too late and find no wave any more.
    assert wave.units == 10 + 75
    assert opened()[2] == (10, 75, 85)
    assert vouchers_expire(now=THIRD) == 15
    assert balances(campaign)["ALLOCATED"] == 15 * 3_000
    assert_sound()


def test_control_kept_units_stay_allocated() -> None:
    campaign = campaign_running(document(leftover="KEEP"))
    first_wave(campaign, claimed=10)
    quota_release_open(now=SECOND)
    assert opened() == [(60, 0, 60), (30, 0, 30), (10, 0, 0)]
    assert balances(campaign)["ALLOCATED"] == 70 * 3_000


def test_a_late_tick_opens_each_wave_with_what_the_one_before_left() -> None:
    campaign_running(document())
    quota_release_open(now=THIRD)
    # Two waves are past their end: never opened, and the third has their units.
    states = QuotaRelease.objects.order_by("slot").values_list("state", flat=True)
    assert list(states) == ["CANCELLED", "CANCELLED", "OPEN"]
    assert opened() == [(60, 0, 0), (30, 0, 0), (10, 90, 100)]
    assert_sound()


def test_a_wave_missed_in_a_pause_comes_with_the_next() -> None:
    campaign = campaign_running(document())
    maker = staff_make(Role.CAMPAIGN_MAKER)
    campaign_pause(campaign_id=campaign.pk, reason="系统检修", actor=maker, now=FIRST)
    assert quota_release_open(now=FIRST) == []
    later = CLOSES + timedelta(hours=1)
    again = campaign_restart_request(
        campaign_id=campaign.pk, reason="检修完成", actor=maker, now=later
    )
    approve(again, now=later)
    quota_release_open(now=SECOND)
    assert opened() == [(60, 0, 0), (30, 60, 90), (10, 0, 0)]


def test_units_the_plan_never_had_in_a_wave_stay_out() -> None:
    made = document()
    made["batches"][0]["releases"][0]["units"] = 40
    campaign = campaign_running(made)
    first_wave(campaign, claimed=10)
    quota_release_open(now=SECOND)
    assert opened()[1] == (30, 40, 70)


def test_a_wave_that_another_version_took_out_leaves_nothing() -> None:
    campaign_running(document())
    QuotaRelease.objects.filter(slot=FIRST).update(state="CANCELLED")
    quota_release_open(now=SECOND)
    assert opened()[1] == (30, 0, 30)


def test_money_covers_what_is_left_over_too() -> None:
    campaign = campaign_running(document())
    batch = first_wave(campaign, claimed=10)
    cut = Transfer(
        batch.funder_ids[0],
        AccountKind.ALLOCATED,
        AccountKind.AVAILABLE,
        130_000,
        debit_unit=batch.pk,
    )
    entry_post(
        code=EntryCode.ALLOCATE,
        campaign_id=campaign.pk,
        source_key="test:cut",
        business_date=SECOND.date(),
        at=SECOND,
        transfers=[cut],
    )
    quota_release_open(now=SECOND)
    # The treasury gives 20.00 of each: 700.00 are left, for 35 units.
    assert opened()[1] == (30, 5, 35)


def test_channels_keep_what_the_plan_gives_them_and_the_rest_is_everybodys() -> None:
    channel = channel_make()
    made = document()
    made["batches"][0]["releases"][1]["channels"] = shares((channel, 12))
    campaign = campaign_running(made)
    first_wave(campaign, claimed=0)
    quota_release_open(now=SECOND)
    wave = QuotaRelease.objects.get(slot=SECOND)
    assert set(wave.slices.values_list("channel_id", "planned")) == {(channel.pk, 12), (None, 78)}


def test_packs_nobody_claimed_open_with_the_next() -> None:
    made = pack_document()
    pack = made["batches"][0]
    pack["rules"]["leftover"] = "NEXT_WAVE"
    pack["releases"][0]["closes_at"] = CLOSES.isoformat()
    campaign = campaign_running(made)
    quota_release_open(now=FIRST)
    vouchers_issued(Batch.objects.get(campaign=campaign, code="pack"), 1, at=FIRST)
    quota_release_close(now=CLOSES)
    quota_release_open(now=SECOND)
    assert opened() == [(6, 0, 6), (4, 5, 9)]
    released = Batch.objects.filter(campaign=campaign).values_list("code", "released")
    assert dict(released) == {"pack": 10, "man-20": 20, "man-40": 20, "man-80": 10}
    assert vouchers_expire(now=SECOND) == 5
    assert_sound()


def test_the_database_counts_what_rolled_in() -> None:
    campaign_running(document())
    quota_release_open(now=FIRST)
    wrong = (
        ("rolled_units = 5", "OPEN", "Cannot update rows"),
        ("opened_units = 61", "OPEN", "release_units"),
        ("rolled_units = -1", "PLANNED", "release_units"),
        ("rolled_units = 5, opened_units = 64", "PLANNED", "release_units"),
    )
    for change, state, reason in wrong:
        with (
            pytest.raises(DatabaseError, match=reason),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(
                f"UPDATE vouchers_quotarelease SET {change} WHERE state = %s",
                [state],
            )


def test_a_definition_that_has_no_next_wave_is_refused() -> None:
    one = document_make()
    one["batches"][0]["rules"]["leftover"] = "NEXT_WAVE"
    one["batches"][0]["releases"] = one["batches"][0]["releases"][:1]
    expected = ("batches[0].rules.leftover", "只有一轮投放，没有下一轮可以并入")
    assert problems(one) == [expected]
    part = pack_document()
    part["batches"][1]["rules"]["leftover"] = "NEXT_WAVE"
    expected = ("batches[1].rules.leftover", "随券包发放的批次没有自己的投放计划")
    assert problems(part) == [expected]
    (problem,) = problems(document(leftover="NEXT_BATCH"))
    assert problem[0] == "batches[0].rules.leftover"


def drafted(campaign: Campaign, document: dict[str, Any], now: datetime) -> None:
    maker = staff_make(Role.CAMPAIGN_MAKER)
    campaign_draft_save(document=document, actor=maker, now=now)
    approve(campaign_submit(campaign_id=campaign.pk, actor=maker, now=now), now=now)


def test_a_wave_that_a_version_took_out_is_over_and_stands_in_nobodys_way() -> None:
    campaign = campaign_running(document())
    fewer = document()
    del fewer["batches"][0]["releases"][1]
    drafted(campaign, fewer, FIRST)
    assert [one["units"] for one in batches_export(campaign)[0]["releases"]] == [60, 10]
    # Another version that does not name it either.
    drafted(campaign, fewer | {"title": "再改"}, FIRST + timedelta(hours=1))
    # One that names it again would never open: the slot has to be another.
    with pytest.raises(DefinitionInvalidError) as refused:
        drafted(campaign, document(), FIRST + timedelta(hours=2))
    ((path, reason),) = [(one.name, one.reason) for one in refused.value.invalid_params]
    assert path == "batches[0].releases"
    assert reason == ("该时点的投放已由先前的版本取消，请改用其他时点：2026-03-13T08:00:00+08:00")
    later = document()
    later["batches"][0]["releases"][1]["slot"] = (SECOND + timedelta(minutes=1)).isoformat()
    drafted(campaign, later, FIRST + timedelta(hours=3))
    quota_release_open(now=THIRD)
    assert opened() == [(60, 0, 0), (30, 0, 0), (30, 0, 0), (10, 90, 100)]


def test_the_plan_says_it_in_both_languages() -> None:
    (batch,) = definition_build(document()).values["batches"]
    assert plan_words(batch)[-1] == "未领完、过期和退回的张数并入下一轮投放"
    with translation.override("en"):
        assert plan_words(batch)[-1] == (
            "Units nobody claimed, expired ones and ones given back open with the next wave"
        )
    waves = document()["batches"][0]["releases"]
    endless = document()
    endless["batches"][0]["releases"] = [one | {"closes_at": None} for one in waves]
    (batch,) = definition_build(endless).values["batches"]
    assert plan_words(batch)[-1] == "过期和退回的张数并入下一轮投放"
    made = pack_document()
    made["batches"][0]["rules"]["leftover"] = "NEXT_WAVE"
    assert plan_words(definition_build(made).values["batches"][0])[-1] == (
        "未领完的份数并入下一轮投放"
    )
    (kept,) = definition_build(document(leftover="KEEP")).values["batches"]
    assert plan_words(kept)[-1] != plan_words(batch)[-1]
