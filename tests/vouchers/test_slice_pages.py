"""Units kept for channels as channels, drafters and staff see them: API, draft page, wave page."""

from datetime import datetime

import pytest

from campaigns.services.drafts import campaign_draft_save
from core.access.models import Role
from core.access.operations import USUAL_OPERATIONS
from core.clock import TIME_ZONE
from core.ids import to_public
from core.models import Client
from tests.factories.claims import claim_command
from tests.factories.definitions import document_make
from tests.factories.persons import enrolment_make
from tests.factories.running import BEFORE, campaign_running
from tests.factories.slices import FALLS_AT, channel_make, shares, sliced_document
from tests.support.admin import Staff
from tests.support.api import ApiCaller
from tests.support.moments import business_time_set
from tests.support.page_text import page_text
from tests.vouchers.api_world import API, body_of
from tests.vouchers.test_draft_editor import edit_url, form_data, login, opened, saved
from vouchers.admin.editor_plan import release_of, release_words
from vouchers.models import Batch, QuotaRelease
from vouchers.services.claims import vouchers_claim
from vouchers.services.fall_backs import quota_slices_fall_back
from vouchers.services.releases import quota_release_open

pytestmark = pytest.mark.django_db
OPENS = datetime(2026, 3, 6, 8, tzinfo=TIME_ZONE)
FALLS = datetime(2026, 3, 6, 20, tzinfo=TIME_ZONE)
NEXT_AT = "2026-03-13T08:00:00+08:00"
ALLOWED = USUAL_OPERATIONS[Client.Kind.CHANNEL]


@pytest.fixture
def ysf() -> Client:
    return channel_make(operations=ALLOWED)


@pytest.fixture
def other() -> Client:
    return channel_make(operations=ALLOWED)


def wave_open(*parts: tuple[Client, int], units: int) -> Batch:
    campaign = campaign_running(sliced_document(*parts, units=units))
    quota_release_open(now=OPENS)
    business_time_set(OPENS)
    return Batch.objects.get(campaign=campaign)


def take(batch: Batch, client: Client, units: int) -> None:
    commands = [claim_command(batch, enrolment_make(client), at=OPENS) for _ in range(units)]
    assert {one.outcome for one in vouchers_claim(commands=commands)} == {"ACCEPTED"}


def offered(api: ApiCaller) -> tuple[str, str, str]:
    (item,) = body_of(api.get(f"{API}/batches"))["items"]
    return item["state"], item["remaining"], item["next_release_at"]


def test_each_channel_is_offered_its_own_and_the_common_units(ysf: Client, other: Client) -> None:
    batch = wave_open((ysf, 40), units=60)
    mine, theirs = ApiCaller.of(ysf), ApiCaller.of(other)
    assert offered(mine) == ("OPEN", "PLENTY", NEXT_AT)
    # What others do not use may come to him at 20:00, whether he has units now or not.
    assert offered(theirs) == ("OPEN", "PLENTY", FALLS_AT)
    take(batch, other, 19)
    # 1 of 20 left for him, 41 of 60 for the other.
    assert offered(theirs) == ("OPEN", "LOW", FALLS_AT)
    assert offered(mine) == ("OPEN", "PLENTY", NEXT_AT)
    take(batch, other, 1)
    assert offered(theirs) == ("SOLD_OUT", "NONE", FALLS_AT)
    take(batch, ysf, 39)
    assert offered(theirs) == ("SOLD_OUT", "NONE", FALLS_AT)
    take(batch, ysf, 1)
    assert offered(theirs) == ("SOLD_OUT", "NONE", NEXT_AT)
    assert offered(mine) == ("SOLD_OUT", "NONE", NEXT_AT)


def test_after_the_hour_everybody_is_offered_what_is_left(ysf: Client, other: Client) -> None:
    batch = wave_open((ysf, 40), units=60)
    mine, theirs = ApiCaller.of(ysf), ApiCaller.of(other)
    take(batch, other, 20)
    quota_slices_fall_back(now=FALLS)
    business_time_set(FALLS)
    assert offered(theirs) == ("OPEN", "PLENTY", NEXT_AT)
    assert offered(mine) == ("OPEN", "PLENTY", NEXT_AT)


def test_a_channel_is_told_when_to_come_back(ysf: Client, other: Client) -> None:
    batch = wave_open((ysf, 1), units=1)
    api, person = ApiCaller.of(other), enrolment_make(other)
    body = {"person_id": to_public("per", person.pk), "batch_id": to_public("bat", batch.pk)}
    refused = api.refused(api.post(f"{API}/claims", body), 409, "claim.sold_out")
    assert refused["data"]["next_release_at"] == FALLS_AT
    assert refused["detail"] == "本轮已领完，2026年3月6日 20:00:00 再次开放领取。"
    (item,) = body_of(api.get(f"{API}/batches", {"person_id": body["person_id"]}))["items"]
    assert [one["data"] for one in item["refusals"]] == [{"next_release_at": FALLS_AT}]
    quota_slices_fall_back(now=FALLS)
    business_time_set(FALLS)
    assert body_of(api.post(f"{API}/claims", body), 201)["vouchers"]


LINES = [
    "2026-03-06 08:00:00 600",
    "2026-03-06 08:00:00 600 2026-03-08 00:00:00",
    "2026-03-06 08:00:00 600 ysf:200 desk:50",
    "2026-03-06 08:00:00 600 ysf:200 desk:50 回流 2026-03-06 20:00:00",
    "2026-03-06 08:00:00 600 2026-03-08 00:00:00 ysf:200 回流 2026-03-06 20:00:00",
]


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_a_wave_is_read_and_written_alike(line: str) -> None:
    assert release_words(release_of(line)) == line


@pytest.mark.parametrize(
    "line",
    [
        "2026-03-06 08:00",
        "2026-03-06 08:00 600 回流",
        "2026-03-06 08:00 600 ysf:200 回流 2026-03-06",
        "2026-03-06 08:00 600 2026-03-08",
        "2026-03-06 08:00 600 ysf:many",
        "2026-03-06 08:00 600 ysf:1:2",
        "2026-03-06 08:00 600 ysf:200 2026-03-08 00:00",
        "回流 2026-03-06 20:00",
    ],
)
def test_a_line_that_says_something_else_is_refused(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what the form's own words are said for
        release_of(line)


def test_the_draft_page_keeps_channels(ysf: Client) -> None:
    document = sliced_document((ysf, 20), closes_at="2026-03-07T08:00:00+08:00")
    campaign = campaign_draft_save(document=document, actor=None, now=BEFORE)
    before, client = saved(), login()
    page = client.get(edit_url(campaign))
    assert client.post(edit_url(campaign), form_data(page)).status_code == 302
    assert saved() == before


def test_channels_are_drafted_with_forms(ysf: Client) -> None:
    campaign = campaign_draft_save(document=document_make(), actor=None, now=BEFORE)
    client = login()
    data = form_data(client.get(edit_url(campaign)))
    text = f"2026-03-06 08:00 60 {ysf.code}:20 回流 2026-03-06 20:00\n2026-03-13 08:00 40"
    assert client.post(edit_url(campaign), data | {"batches-0-releases": text}).status_code == 302
    (first, second) = saved()["batches"][0]["releases"]
    assert (first["channels"], first["fall_back_at"]) == (shares((ysf, 20)), FALLS_AT)
    assert (second["channels"], second["fall_back_at"]) == ([], None)
    unknown = text.replace(ysf.code, "nobody")
    answer = client.post(edit_url(campaign), data | opened() | {"batches-0-releases": unknown})
    assert "活动地区内没有这个发放渠道或人工服务台：nobody" in answer.content.decode()


def test_the_page_of_a_wave_shows_its_slices_and_their_use(ysf: Client) -> None:
    batch = wave_open((ysf, 20), units=60)
    take(batch, ysf, 3)
    release = QuotaRelease.objects.get(slot=OPENS)
    staff = Staff.of(Role.CAMPAIGN_MAKER)
    page = page_text(staff.html(staff.page_url(release)))
    assert f"{ysf.name} 20" in page.lines
    assert [line for line in page.table if line.isdigit()] == ["20", "3", "17", "40", "0", "40"]
    quota_slices_fall_back(now=FALLS)
    page = page_text(staff.html(staff.page_url(release)))
    assert f"{ysf.name} 20" in page.lines, "the plan is what was approved"
    assert [line for line in page.table if line.isdigit()] == ["3", "3", "0", "57", "0", "57"]
