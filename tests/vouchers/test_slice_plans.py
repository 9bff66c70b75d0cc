"""Channels of waves in a definition: what is refused, how they are divided, what is said."""

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from typing import Any

import pytest
from django.utils.translation import override

from campaigns.definition.diff import passages_changes
from campaigns.definition.document import Definition, definition_build, definition_stored
from campaigns.definition.registry import sections
from campaigns.definition.writing import definition_scaled
from campaigns.errors import DefinitionInvalidError
from campaigns.models import Campaign
from campaigns.services.drafts import campaign_draft_save
from campaigns.services.versions import campaign_submit
from core.access.models import Role
from core.clock import TIME_ZONE
from core.models import Client
from tests.campaigns.test_definition_files import problems
from tests.factories.approvals import approve
from tests.factories.definitions import document_make
from tests.factories.merchants import client_make
from tests.factories.running import campaign_approved, campaign_running
from tests.factories.slices import FALLS_AT, channel_make, shares, sliced_document
from tests.factories.staff import staff_make
from vouchers.models import QuotaRelease
from vouchers.services.releases import quota_release_open

pytestmark = pytest.mark.django_db
OPENS = datetime(2026, 3, 6, 8, tzinfo=TIME_ZONE)
WAVE = "batches[0].releases[0]"


@pytest.fixture
def ysf() -> Client:
    return channel_make()


@pytest.fixture
def desk() -> Client:
    return channel_make(Client.Kind.DESK)


def waves(definition: Definition) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = definition.document()["batches"][0]["releases"]
    return found


def calendar_document(**calendar: Any) -> dict[str, Any]:
    """Return a document whose three waves a calendar plans: 6, 7 and 8 March at 08:00."""
    document = document_make()
    batch = document["batches"][0]
    del batch["releases"]
    batch["calendar"] = {
        "times": ["08:00"],
        "dates": ["2026-03-06", "2026-03-07", "2026-03-08"],
        "units": 100,
        **calendar,
    }
    return document


def test_the_canonical_form_keeps_channels_and_their_hour(ysf: Client, desk: Client) -> None:
    document = sliced_document((ysf, 20), (desk, 10))
    definition = definition_build(document)
    first, second = waves(definition)
    assert first["channels"] == shares((ysf, 20), (desk, 10))
    assert first["fall_back_at"] == FALLS_AT
    assert (second["channels"], second["fall_back_at"]) == ([], None)
    assert definition_build(definition.document()).document() == definition.document()
    assert definition_stored(definition.document()).document() == definition.document()


def test_rows_read_back_are_the_approved_channels(ysf: Client, desk: Client) -> None:
    campaign = campaign_approved(sliced_document((ysf, 20), (desk, 10)))
    assert {section.name: section.export(campaign) for section in sections()} == {
        "batches": campaign.draft["batches"]
    }
    release = QuotaRelease.objects.get(slot=OPENS)
    assert (release.channel_ids, release.channel_units) == ([ysf.pk, desk.pk], [20, 10])


@pytest.mark.parametrize(
    ("wave", "path", "reason"),
    [
        (
            {"channels": [{"client": "nobody", "units": 1}]},
            f"{WAVE}.channels[0].client",
            "活动地区内没有这个发放渠道或人工服务台：nobody",
        ),
        (
            {"fall_back_at": "2026-03-06T08:00:00+08:00"},
            f"{WAVE}.fall_back_at",
            "回流时间 2026-03-06 08:00 应晚于投放时点 2026-03-06 08:00，且早于领取截止 "
            "2026-04-01 00:00",
        ),
        (
            {"closes_at": FALLS_AT},
            f"{WAVE}.fall_back_at",
            "回流时间 2026-03-06 20:00 应晚于投放时点 2026-03-06 08:00，且早于领取截止 "
            "2026-03-06 20:00",
        ),
        (
            {"fall_back_at": "2026-04-01T00:00:00+08:00"},
            f"{WAVE}.fall_back_at",
            "回流时间 2026-04-01 00:00 应晚于投放时点 2026-03-06 08:00，且早于领取截止 "
            "2026-04-01 00:00",
        ),
        (
            {"channels": []},
            f"{WAVE}.fall_back_at",
            "没有渠道额度（channels），不填写回流时间",
        ),
    ],
)
def test_a_wave_that_cannot_be_divided_so(
    ysf: Client, wave: dict[str, Any], path: str, reason: str
) -> None:
    assert problems(sliced_document((ysf, 20), **wave)) == [(path, reason)]


def test_each_channel_once_and_together_no_more_than_the_wave(ysf: Client, desk: Client) -> None:
    twice = sliced_document((ysf, 20), (desk, 1), (ysf, 39))
    assert problems(twice) == [(f"{WAVE}.channels", f"渠道重复：{ysf.code}")]
    above = sliced_document((ysf, 50), (desk, 11))
    assert problems(above) == [(f"{WAVE}.channels", "渠道额度合计 61 张，超过投放张数 60")]
    definition_build(sliced_document((ysf, 50), (desk, 10)))


def test_units_are_kept_only_for_who_claims_in_the_campaigns_regions() -> None:
    till, far = client_make(), channel_make(region="110000")
    document = sliced_document((till, 1), (far, 1))
    assert [path for path, _reason in problems(document)] == [
        f"{WAVE}.channels[0].client",
        f"{WAVE}.channels[1].client",
    ]
    Client.objects.filter(pk=far.pk).update(owner_region="450100", is_active=False)
    definition_build(sliced_document((far, 1)))


def test_a_calendar_divides_channels_like_its_units(ysf: Client, desk: Client) -> None:
    document = calendar_document(
        units=10, channels=shares((ysf, 4), (desk, 4)), fall_back_hours=12, open_hours=24
    )
    found = waves(definition_build(document))
    assert [wave["units"] for wave in found] == [4, 3, 3]
    kept = [[one["units"] for one in wave["channels"]] for wave in found]
    # 4 over three waves: 2, 1, 1; 8 over three waves: 3, 3, 2.
    assert kept == [[2, 1], [1, 2], [1, 1]]
    assert found[2]["fall_back_at"] == "2026-03-08T20:00:00+08:00"


@pytest.mark.parametrize(
    ("calendar", "path", "reason"),
    [
        ({"fall_back_hours": 1}, "fall_back_hours", "没有渠道额度（channels），不填写回流时间"),
        (
            {"channels": "ysf", "fall_back_hours": 4, "open_hours": 4},
            "fall_back_hours",
            "应少于每轮开放的小时数 4",
        ),
        (
            {"channels": "ysf", "fall_back_hours": 24 * 24},
            "fall_back_hours",
            "回流时间 2026-04-01 08:00 应晚于投放时点 2026-03-08 08:00，且早于领取截止 "
            "2026-04-01 00:00",
        ),
        (
            {"channels": "ysf", "units": 19},
            "channels",
            "渠道额度合计 20 张，超过投放张数 19",
        ),
    ],
)
def test_a_calendar_that_cannot_be_divided_so(
    ysf: Client, calendar: dict[str, Any], path: str, reason: str
) -> None:
    if "channels" in calendar:
        calendar = {**calendar, "channels": shares((ysf, 20))}
    assert problems(calendar_document(**calendar)) == [(f"batches[0].calendar.{path}", reason)]


@pytest.mark.parametrize("factor", [Fraction(1, 2), Fraction(1, 7), Fraction(1, 30), Fraction(3)])
def test_another_size_keeps_channels_within_their_waves(
    factor: Fraction, ysf: Client, desk: Client
) -> None:
    definition = definition_build(sliced_document((ysf, 20), (desk, 10)))
    scaled = definition_scaled(definition, factor).document()["batches"][0]
    assert scaled["units"] == int(100 * factor)
    assert sum(wave["units"] for wave in scaled["releases"]) == int(100 * factor)
    first = scaled["releases"][0]
    kept = {one["client"]: one["units"] for one in first["channels"]}
    wanted = {ysf.code: int(20 * factor), desk.code: int(30 * factor) - int(20 * factor)}
    assert kept == {code: units for code, units in wanted.items() if units}
    assert bool(first["fall_back_at"]) == bool(kept)


def next_version(document: dict[str, Any]) -> Campaign:
    maker = staff_make(Role.CAMPAIGN_MAKER)
    campaign = campaign_draft_save(document=document, actor=maker, now=OPENS)
    approve(campaign_submit(campaign_id=campaign.pk, actor=maker, now=OPENS), now=OPENS)
    return campaign


def test_a_later_version_divides_planned_waves_anew_and_no_others(
    ysf: Client, desk: Client
) -> None:
    document = sliced_document((ysf, 20))
    campaign_running(document)
    quota_release_open(now=OPENS)
    later = document["batches"][0]["releases"][1]
    later |= {"channels": shares((desk, 5)), "fall_back_at": "2026-03-13T20:00:00+08:00"}
    campaign = next_version(document)
    planned = QuotaRelease.objects.get(state="PLANNED")
    assert (planned.channel_ids, planned.channel_units) == ([desk.pk], [5])
    assert planned.fall_back_at == datetime(2026, 3, 13, 20, tzinfo=TIME_ZONE)
    campaign.refresh_from_db()
    assert [section.export(campaign) for section in sections()] == [campaign.draft["batches"]]
    for change in ({"channels": shares((desk, 20))}, {"fall_back_at": "2026-03-06T21:00:00+08:00"}):
        other = sliced_document((ysf, 20), **change)
        with pytest.raises(DefinitionInvalidError) as refused:
            next_version(other)
        (problem,) = refused.value.invalid_params
        assert "已执行的投放不得变更" in str(problem.reason)
    opened = QuotaRelease.objects.get(state="OPEN")
    assert (opened.channel_ids, opened.channel_units) == ([ysf.pk], [20])


def lines(words: Any, language: str) -> list[str]:
    with override(language):
        return [line for passage in words() for line in passage.lines]


def test_citizens_read_who_has_how_many_and_until_when(ysf: Client, desk: Client) -> None:
    definition = definition_build(sliced_document((ysf, 20), (desk, 10)))
    assert (
        f"渠道额度：2026-03-06每轮为{ysf.name}20张、{desk.name}10张专用，投放12小时后未领的不再限定渠道；"
        "其余不限渠道"
    ) in lines(definition.rules_words, "zh-hans")
    assert (
        f"Channels: 2026-03-06, each wave keeps {ysf.name} 20, {desk.name} 10; what is unclaimed "
        "12 h after the opening is for every channel, and so is the rest"
    ) in lines(definition.rules_words, "en")
    kept = definition_build(sliced_document((desk, 10), fall_back_at=None))
    assert f"渠道额度：2026-03-06每轮为{desk.name}10张专用，其余不限渠道" in lines(
        kept.rules_words, "zh-hans"
    )
    plain = definition_build(document_make())
    assert not [line for line in lines(plain.rules_words, "zh-hans") if "渠道额度" in line]


def test_checkers_read_every_slice(ysf: Client) -> None:
    definition = definition_build(sliced_document((ysf, 20)))
    assert (
        f"2026-03-06 08:00：投放60张，领完为止，其中{ysf.name}（{ysf.code}）20张，不限渠道40张，"
        "2026-03-06 20:00 渠道未领部分转为不限渠道"
    ) in lines(definition.checked_words, "zh-hans")
    assert "2026-03-13 08:00：投放40张，领完为止" in lines(definition.checked_words, "zh-hans")


def changes(ysf: Client, desk: Client) -> Iterator[dict[str, Any]]:
    yield {"channels": shares((ysf, 21), (desk, 10))}
    yield {"channels": shares((ysf, 20), (desk, 9))}
    yield {"channels": shares((desk, 20), (ysf, 10))}
    yield {"channels": shares((desk, 10), (ysf, 20))}
    yield {"channels": shares((ysf, 20))}
    yield {"fall_back_at": "2026-03-06T20:01:00+08:00"}
    yield {"fall_back_at": None}


def test_no_change_of_a_slice_goes_unsaid(ysf: Client, desk: Client) -> None:
    desk.name = ysf.name
    desk.save(update_fields=["name"])
    before = definition_build(sliced_document((ysf, 20), (desk, 10))).checked_words()
    for change in changes(ysf, desk):
        after = definition_build(sliced_document((ysf, 20), (desk, 10), **change))
        assert passages_changes(before, after.checked_words()), change
