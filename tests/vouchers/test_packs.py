"""Packs (券包, domain-rules §3): several vouchers in one claim, all or nothing."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection

from campaigns.definition.document import definition_build
from campaigns.models import Campaign
from campaigns.services.drafts import campaign_draft_save
from campaigns.services.versions import campaign_submit
from core.access.models import Role
from core.clock import TIME_ZONE
from core.money import funder_parts
from redemption.settlement.metrics import campaign_metrics
from tests.campaigns.test_definition_files import problems
from tests.factories.approvals import approve
from tests.factories.claims import claim_command
from tests.factories.merchants import PROVINCE
from tests.factories.packs import FUNDERS, ONE_EACH, pack_document
from tests.factories.persons import enrolment_make
from tests.factories.running import BEFORE, balances, campaign_running
from tests.factories.staff import staff_make
from tests.invariants.helpers import checks_failing
from tests.support.moments import business_time_set
from vouchers.models import Batch, Enrolment, LimitUse, Voucher
from vouchers.offers import batches_known, batches_offered
from vouchers.places import stores_of
from vouchers.services.claim_commands import ClaimOutcome
from vouchers.services.claims import vouchers_claim
from vouchers.services.expiry import vouchers_expire
from vouchers.services.release_proofs import releases_prove
from vouchers.services.releases import quota_release_close, quota_release_open
from vouchers.services.switches import batch_switch_off

pytestmark = pytest.mark.django_db
OPENS = datetime(2026, 3, 6, 8, tzinfo=TIME_ZONE)
SOON = OPENS + timedelta(minutes=1)
COUNTERS = ("code", "released", "issued")


@pytest.fixture
def campaign() -> Campaign:
    """A live campaign whose first wave of six packs is open."""
    made = campaign_running(pack_document())
    quota_release_open(now=OPENS)
    business_time_set(SOON)
    return made


def pack_of(campaign: Campaign) -> Batch:
    return Batch.objects.get(campaign=campaign, code="pack")


def claimed(campaign: Campaign, *people: Enrolment, **more: Any) -> list[ClaimOutcome]:
    batch = pack_of(campaign)
    return vouchers_claim(
        commands=[claim_command(batch, person, at=SOON, **more) for person in people]
    )


def counters(campaign: Campaign) -> dict[str, tuple[int, int]]:
    rows = Batch.objects.filter(campaign=campaign).values_list(*COUNTERS)
    return {code: (released, issued) for code, released, issued in rows}


def test_a_wave_of_packs_opens_every_part(campaign: Campaign) -> None:
    assert counters(campaign) == {
        "pack": (6, 0),
        "man-20": (12, 0),
        "man-40": (12, 0),
        "man-80": (6, 0),
    }
    assert balances(campaign)["RESERVED"] == 6 * 5_000
    assert checks_failing() == {}


def test_a_claim_gives_all_vouchers_of_the_pack(campaign: Campaign) -> None:
    outcomes = claimed(campaign, enrolment_make(), enrolment_make())
    assert [one.outcome for one in outcomes] == ["ACCEPTED", "ACCEPTED"]
    first, second = (one.claim for one in outcomes)
    assert first is not None
    assert second is not None
    assert [(one.face_fen, one.number) for one in first.vouchers] == [
        (500, 1),
        (500, 2),
        (1_000, 1),
        (1_000, 2),
        (2_000, 1),
    ]
    assert [one.number for one in second.vouchers] == [3, 4, 3, 4, 2]
    assert counters(campaign)["man-40"] == (12, 4)
    assert balances(campaign)["OUTSTANDING"] == 2 * 5_000
    weights = list(FUNDERS.values())
    for voucher in Voucher.objects.all():
        assert voucher.parts == funder_parts(voucher.face_fen, weights, voucher.number)
        assert voucher.batch.kind == "THRESHOLD"
        assert voucher.batch_version_id == voucher.batch.version_id
    assert checks_failing() == {}


def test_a_replay_is_the_first_answer(campaign: Campaign) -> None:
    person = enrolment_make()
    (first,) = claimed(campaign, person, key="the-same-key-00001")
    (again,) = claimed(campaign, person, key="the-same-key-00001")
    assert again.outcome == "REPLAY"
    assert again.claim == first.claim
    assert Voucher.objects.count() == 5


def test_limits_count_packs_and_not_their_vouchers(campaign: Campaign) -> None:
    person = enrolment_make()
    claimed(campaign, person)
    (again,) = claimed(campaign, person)
    assert [one.code for one in again.refusals] == ["claim.person_limit"]
    assert set(LimitUse.objects.values_list("used", flat=True)) == {1}


def test_the_last_pack_is_the_last(campaign: Campaign) -> None:
    outcomes = claimed(campaign, *(enrolment_make() for _ in range(8)))
    assert [one.outcome for one in outcomes].count("ACCEPTED") == 6
    assert {one.code for outcome in outcomes for one in outcome.refusals} == {"claim.sold_out"}
    assert counters(campaign)["man-20"] == (12, 12)
    assert checks_failing() == {}


def test_a_part_cannot_be_claimed_by_itself(campaign: Campaign) -> None:
    part = Batch.objects.get(campaign=campaign, code="man-20")
    (outcome,) = vouchers_claim(commands=[claim_command(part, enrolment_make(), at=SOON)])
    assert [one.code for one in outcome.refusals] == ["access.not_found"]


def test_a_wave_opens_as_many_packs_as_every_part_has_room_for() -> None:
    document = pack_document()
    running = campaign_running(document)
    Batch.objects.filter(campaign=running, code="man-80").update(planned_units=3)
    (first, *_) = quota_release_open(now=OPENS)
    assert first.units == 3
    assert counters(running)["man-20"] == (6, 0)


def test_what_is_left_of_a_wave_goes_back_by_parts(campaign: Campaign) -> None:
    claimed(campaign, enrolment_make())
    before = balances(campaign)["ALLOCATED"]
    end = campaign.ends_at
    quota_release_close(now=end)
    assert counters(campaign) == {
        "pack": (1, 1),
        "man-20": (2, 2),
        "man-40": (2, 2),
        "man-80": (1, 1),
    }
    assert balances(campaign)["ALLOCATED"] == before + 5 * 5_000
    assert "RESERVED" not in balances(campaign)
    assert releases_prove(now=end) == 1
    assert vouchers_expire(now=end + timedelta(minutes=5)) == 5
    business_time_set(end + timedelta(minutes=6))
    assert checks_failing() == {}


def test_reports_count_vouchers(campaign: Campaign) -> None:
    claimed(campaign, enrolment_make())
    metrics = campaign_metrics(
        campaign_id=campaign.pk, since=campaign.starts_at, until=campaign.ends_at
    )
    assert (metrics.released_units, metrics.released_fen) == (30, 30_000)
    assert (metrics.claimed_units, metrics.claimed_fen) == (5, 5_000)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE vouchers_batch SET pack_quantity = 3 WHERE code = 'man-20'",
        "UPDATE vouchers_batch SET pack_id = NULL, pack_quantity = 1 WHERE code = 'man-20'",
    ],
)
def test_a_pack_stays_what_it_is_once_opened(campaign: Campaign, statement: str) -> None:
    with connection.cursor() as cursor, pytest.raises(Exception, match="pgtrigger"):
        cursor.execute(statement)


def test_a_pack_is_no_part_of_a_pack() -> None:
    campaign_running(pack_document())
    with pytest.raises(IntegrityError, match="batch_pack_part"):
        Batch.objects.filter(code="pack").update(pack=Batch.objects.get(code="man-20"))


def test_the_canonical_form_names_the_parts_and_is_stable() -> None:
    document = definition_build(pack_document()).document()
    assert definition_build(document).document() == document
    pack = document["batches"][0]
    assert pack["rules"]["benefit"]["parts"][0] == {
        "batch": "man-20",
        "quantity": 2,
        "name": "满20减5",
    }
    assert (pack["funders"], pack["budget"]) == ({}, {})


@pytest.mark.parametrize(
    ("change", "path", "reason"),
    [
        ({"face_fen": 4_999}, "batches[0].face_fen", "券包面额应等于所含各券面额之和"),
        (
            {"units": 9},
            "batches[0].rules.benefit.parts[0].quantity",
            "man-20 的计划张数应为 18",
        ),
        (
            {"funders": {"treasury": 1}},
            "batches[0].funders",
            "券包由所含各批次出资，不填写出资方和预算",
        ),
    ],
)
def test_a_pack_that_does_not_add_up(change: dict[str, Any], path: str, reason: str) -> None:
    document = pack_document()
    document["batches"][0] |= change
    assert (path, reason) in problems(document)


def test_a_part_belongs_to_one_pack_and_has_no_waves() -> None:
    document = pack_document()
    parts = document["batches"][0]["rules"]["benefit"]["parts"]
    alone = document["batches"][3]
    parts.pop()
    alone["releases"] = [{"slot": "2026-03-06T08:00:00+08:00", "units": 1}]
    assert set(problems(document)) >= {
        ("batches[3].rules.issuing", "随券包发放的批次须属于且只属于一个券包"),
        ("batches[3].releases", "随券包发放的批次没有自己的投放计划"),
    }


def test_only_a_batch_of_packs_is_a_part() -> None:
    document = pack_document()
    document["batches"][1]["rules"]["issuing"] = "CLAIM"
    assert (
        "batches[0].rules.benefit.parts[0].batch",
        "应为随券包发放（issuing: PACK）的批次：man-20",
    ) in problems(document)


def with_part(document: dict[str, Any], **rules: Any) -> dict[str, Any]:
    document["batches"][1]["rules"] |= rules
    return document


@pytest.mark.parametrize(
    ("rules", "path", "reason"),
    [
        ({"location": {"at_claim": True}}, "batches[1].rules.location", "领取条件由券包规定"),
        (
            {"audience": {"code": "teachers", "name": "教师"}},
            "batches[1].rules.audience",
            "领取条件由券包规定",
        ),
    ],
)
def test_who_may_claim_is_said_by_the_pack(rules: dict[str, Any], path: str, reason: str) -> None:
    assert (path, reason) in problems(with_part(pack_document(), **rules))


def test_a_pack_holds_at_most_twenty_vouchers() -> None:
    document = pack_document()
    document["batches"][0]["rules"]["benefit"]["parts"][0]["quantity"] = 18
    assert ("batches[0].rules.benefit.parts", "每包不得超过 20 张") in problems(document)


def test_a_later_version_takes_a_part_out_of_a_pack_that_is_not_open_yet() -> None:
    running = campaign_running(pack_document())
    later = pack_document()
    pack, part = later["batches"][0], later["batches"][1]
    pack["rules"]["benefit"]["parts"].pop(0)
    pack["face_fen"] = 4_000
    part["rules"] |= {"issuing": "CLAIM", "limits": [ONE_EACH]}
    part["releases"] = [{"slot": "2026-03-06T08:00:00+08:00", "units": 5}]
    maker = staff_make(Role.CAMPAIGN_MAKER)
    campaign_draft_save(document=later, actor=maker, now=BEFORE)
    approve(campaign_submit(campaign_id=running.pk, actor=maker, now=BEFORE), now=BEFORE)
    alone = Batch.objects.get(campaign=running, code="man-20")
    assert (alone.pack_id, alone.pack_quantity) == (None, 1)
    quota_release_open(now=OPENS)
    assert counters(running) == {
        "pack": (6, 0),
        "man-20": (5, 0),
        "man-40": (12, 0),
        "man-80": (6, 0),
    }
    business_time_set(SOON)
    (outcome,) = claimed(running, enrolment_make())
    assert outcome.claim is not None
    assert [one.face_fen for one in outcome.claim.vouchers] == [1_000, 1_000, 2_000]
    assert checks_failing() == {}


def test_stores_of_a_pack_are_those_of_its_vouchers() -> None:
    document = pack_document()
    for part, industry in zip(document["batches"][1:], ("CAR", "CAR", "CATERING"), strict=True):
        part["rules"]["use"] = {"industries": [industry]}
    running = campaign_running(document)
    found = {one.code: stores_of(one).count() for one in Batch.objects.filter(campaign=running)}
    assert found == {"pack": 1, "man-20": 0, "man-40": 0, "man-80": 1}
    known = batches_known(PROVINCE, now=SOON)
    assert known.count() == 4
    assert [one.code for one in batches_offered(PROVINCE, now=SOON)] == ["pack"]


def test_switches_work_where_they_are_meant(campaign: Campaign) -> None:
    part = Batch.objects.get(campaign=campaign, code="man-20")
    actor = staff_make(Role.CAMPAIGN_MAKER)
    batch_switch_off(batch_id=part.pk, side="claims", actor=actor, reason="停", now=SOON)
    (outcome,) = claimed(campaign, enrolment_make())
    assert [one.code for one in outcome.refusals] == ["claim.paused"]
    pack = pack_of(campaign)
    batch_switch_off(batch_id=pack.pk, side="redemptions", actor=actor, reason="停", now=SOON)
    parts = Batch.objects.filter(pack=pack).values_list("redemptions_on", flat=True)
    assert set(parts) == {False}
