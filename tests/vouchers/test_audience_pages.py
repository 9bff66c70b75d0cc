"""The pages of audiences: register, send in or select, submit, agree; and the batch editor."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse

from campaigns.models import Campaign
from campaigns.services.drafts import campaign_draft_save
from core.access.models import Client, Role
from core.approvals.models import Approval
from core.jobs.services import job_run
from core.models import AuditEvent
from tests.factories.audiences import (
    AGREED_AT,
    agreed,
    audience_make,
    document_number,
    documents,
    enrolled,
    list_made,
)
from tests.factories.definitions import document_make
from tests.factories.merchants import LIUZHOU, NANNING, PROVINCE, client_make
from tests.factories.staff import staff_make
from tests.support.admin import Staff
from tests.support.moments import business_time_set
from tests.vouchers.test_draft_editor import CREATE, edit_url, form_data, opened
from vouchers.models import Audience, AudienceSnapshot

pytestmark = pytest.mark.django_db
SEND_IN = "admin:vouchers_audiencesnapshot_send_in"
SELECT = "admin:vouchers_audiencesnapshot_select"


@pytest.fixture(autouse=True)
def _now() -> None:
    business_time_set(AGREED_AT)


def send_in(page: Staff, audience: Audience, lines: list[str], mode: str = "REPLACE") -> Any:
    file = SimpleUploadedFile("名单.csv", "\n".join(lines).encode(), content_type="text/csv")
    data = {"audience": str(audience.pk), "mode": mode, "file": file}
    return page.client.post(reverse(SEND_IN), data)


def ran(snapshot: AudienceSnapshot) -> AudienceSnapshot:
    assert snapshot.check_job is not None
    job_run(job_id=snapshot.check_job.pk, now=AGREED_AT)
    snapshot.refresh_from_db()
    return snapshot


def test_from_the_name_to_a_list_in_force() -> None:
    maker, checker = Staff.of(Role.CAMPAIGN_MAKER), Staff.of(Role.CAMPAIGN_CHECKER)
    data = {
        "code": "seniors",
        "name": "养老助残卡持卡人",
        "kind": "LIST",
        "key_kind": "DOCUMENT",
        "owner_region": PROVINCE,
    }
    assert maker.add(Audience, data).status_code == 302
    assert "已存在" in maker.add(Audience, data).content.decode()
    audience = Audience.objects.get()
    assert AuditEvent.objects.filter(action="audience.create").count() == 1
    wrong = ran(_made(send_in(maker, audience, ["x"])))
    assert (wrong.state, wrong.check_job and wrong.check_job.files.count()) == ("REFUSED", 1)
    shown = maker.html(reverse(SEND_IN))
    assert "有一行错误即整份不采用" in shown
    response = send_in(maker, audience, documents(1, 2))
    snapshot = _made(response)
    assert response.url == maker.page_url(snapshot)
    assert maker.get(maker.page_url(snapshot))["Refresh"] == "3"
    ran(snapshot)
    page = maker.html(maker.page_url(snapshot))
    assert document_number(1) not in page
    maker.act(snapshot, "submit", reason="首期")
    approval = Approval.objects.get(state="PENDING")
    words = checker.html(checker.page_url(approval))
    assert "人群“养老助残卡持卡人”（seniors）第 2 期名单，共 2 人" in words
    assert "来源：全量，名单.csv" in words
    checker.act(approval, "agree", reason="同意")
    snapshot.refresh_from_db()
    assert snapshot.state == "APPROVED"
    more = ran(_made(send_in(maker, audience, documents(3), "ADD")))
    maker.act(more, "submit", reason="增补")
    approval = Approval.objects.get(state="PENDING")
    assert "与生效中的第 2 期相比：增加 1 人，减少 0 人" in checker.html(checker.page_url(approval))
    assert "养老助残卡持卡人 第 2 期" in maker.html(maker.page_url(audience))


def _made(response: Any) -> AudienceSnapshot:
    assert response.status_code == 302, response.content.decode()
    return AudienceSnapshot.objects.get(pk=response.url.split("/")[-3])


def test_a_segment_is_chosen_and_a_list_given_up() -> None:
    maker = Staff.of(Role.CAMPAIGN_MAKER)
    channel = client_make(Client.Kind.CHANNEL)
    enrolled(channel, [1, 2])
    audience = audience_make(kind="SEGMENT", maker=maker.user)
    assert "某渠道的实名用户" in maker.html(reverse(SELECT))
    data = {"audience": str(audience.pk), "segment": "CHANNEL", "client": channel.code}
    missing = maker.client.post(reverse(SELECT), {**data, "client": ""})
    assert "没有服务于本地区的这个渠道" in missing.content.decode()
    snapshot = ran(_made(maker.client.post(reverse(SELECT), data)))
    assert (snapshot.members, snapshot.name) == (2, f"渠道“{channel.code}”的实名用户")
    maker.act(snapshot, "cancel", reason="选错了")
    snapshot.refresh_from_db()
    assert snapshot.state == "CANCELLED"


def test_another_region_has_no_page_no_choice_and_no_way_in() -> None:
    audience = audience_make(region=NANNING)
    snapshot = list_made(audience, documents(1))
    agreed(snapshot)
    other = Staff.of(Role.CAMPAIGN_MAKER, region=LIUZHOU)
    assert other.get(other.page_url(audience)).status_code == 404
    assert other.get(other.page_url(snapshot)).status_code == 404
    assert other.action(snapshot, "cancel", reason="x").status_code == 404
    assert other.get(reverse(SEND_IN)).status_code == 403
    audience_make("mine", "本市人群", region=LIUZHOU)
    assert audience.name not in other.html(reverse(SEND_IN))
    refused = send_in(other, audience, documents(1))
    assert refused.status_code == 200
    for role in (Role.LIST_MAKER, Role.CAMPAIGN_CHECKER, Role.AUDITOR):
        reader = Staff.of(role, region=NANNING)
        assert reader.get(reader.page_url(snapshot)).status_code == 200
        assert reader.get(reverse(SEND_IN)).status_code == 403
    assert AudienceSnapshot.objects.count() == 1


def test_the_editor_offers_audiences_and_keeps_what_a_draft_names() -> None:
    audience_make("seniors", "老人")
    audience_make("nanning", "南宁人群", region=NANNING)
    document = document_make()
    rules = document["batches"][0]["rules"]
    rules["audience"] = {"code": "later", "name": "以后登记", "contact": "街道"}
    campaign = campaign_draft_save(document=document, actor=None, now=AGREED_AT)
    page = Staff.of(Role.CAMPAIGN_MAKER)
    url = edit_url(campaign)
    response = page.get(url)
    html = response.content.decode()
    for choice in ("以后登记（later，尚未登记）", "老人（seniors）", "南宁人群（nanning）"):
        assert choice in html
    data = form_data(response)
    assert (data["batches-0-audience"], data["batches-0-contact"]) == ("later", "街道")
    for chosen, expected in (
        ("later", {"code": "later", "name": "以后登记", "contact": "街道"}),
        ("seniors", {"code": "seniors", "name": "老人", "contact": "街道"}),
        ("", ""),
    ):
        saved = page.client.post(url, {**data, **opened(), "batches-0-audience": chosen})
        assert saved.status_code == 302
        draft = Campaign.objects.get().draft["batches"][0]["rules"]
        assert draft["audience"] == expected
    assert (
        "选择一个有效的选项"
        in page.client.post(url, {**data, "batches-0-audience": "nobody"}).content.decode()
    )
    city = Staff.of(Role.CAMPAIGN_MAKER, region=LIUZHOU)
    shown = city.html(CREATE)
    assert "老人（seniors）" in shown
    assert "南宁人群" not in shown


def test_the_command_submits_a_list(tmp_path: Path) -> None:
    audience, maker = audience_make(), staff_make(Role.CAMPAIGN_MAKER)
    path = tmp_path / "名单.csv"
    path.write_text("\n".join(documents(1, 2)))
    options = {"audience": audience.code, "maker": maker.username}
    call_command("vouchers_audience", str(path), **options, stdout=(out := StringIO()))
    assert out.getvalue().startswith("共 2 人\nlist 1: 2 members\napproval ")
    path.write_text("x")
    for wrong in ({}, {"audience": "nobody"}, {"maker": "nobody"}):
        with pytest.raises(CommandError):
            call_command("vouchers_audience", str(path), **{**options, **wrong}, stdout=out)
    assert "有 1 行有误" in out.getvalue()
    assert Approval.objects.count() == 1
