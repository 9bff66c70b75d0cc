"""The pages of grants: send in, submit, agree, see how far it is, take the files."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from django.urls import reverse

from core.access.models import Client, Role
from core.approvals.models import Approval
from core.jobs.models import Job
from core.jobs.services import job_run
from core.jobs.uploads import upload_path
from tests.factories.campaigns import OPENED_AT, BatchPlan, LiveCampaign, campaign_live
from tests.factories.grants import grant_agreed, grant_made, people_make, public_ids
from tests.factories.merchants import LIUZHOU, NANNING, client_make
from tests.factories.staff import staff_make
from tests.support.admin import Staff
from tests.support.moments import business_time_set
from vouchers.models import Grant, Voucher

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel() -> Client:
    business_time_set(OPENED_AT)
    return client_make(Client.Kind.CHANNEL)


@pytest.fixture
def live() -> LiveCampaign:
    return campaign_live()


def send_in(page: Browser, live: LiveCampaign, channel: Client, lines: list[str]) -> Any:
    file = SimpleUploadedFile("名单.csv", "\n".join(lines).encode(), content_type="text/csv")
    data = {"batch": str(live.batch.pk), "client": str(channel.pk), "file": file}
    return page.post(reverse("admin:vouchers_grant_send_in"), data)


def run(job: Job | None) -> Job:
    assert job is not None
    done = job_run(job_id=job.pk, now=OPENED_AT)
    assert done is not None
    return done


def file_text(page: Staff, job: Job, name: str) -> str:
    response = page.get(reverse("job-file", args=(job.files.get(name=name).pk,)))
    assert response.status_code == 200
    return b"".join(response.streaming_content).decode("utf-8-sig")


def test_from_the_list_to_the_vouchers(live: LiveCampaign, channel: Client) -> None:
    maker, checker = Staff.of(Role.CAMPAIGN_MAKER), Staff.of(Role.CAMPAIGN_CHECKER)
    people = people_make(channel, 2)
    assert "新建定向发放" in maker.html(maker.list_url(Grant))
    shown = maker.html(reverse("admin:vouchers_grant_send_in"))
    assert f"{live.campaign.title} · 满100减30" in shown
    response = send_in(maker.client, live, channel, [*public_ids(people), "nobody"])
    grant = Grant.objects.get()
    assert (response.status_code, response.url) == (302, maker.page_url(grant))
    check = grant.check_job
    assert check is not None
    assert people[0].pk.hex.encode() not in upload_path(check.params["upload"]).read_bytes()
    assert maker.get(maker.page_url(grant))["Refresh"] == "3"
    check = run(check)
    assert not upload_path(check.params["upload"]).exists()
    assert file_text(maker, check, "名单错误.csv").splitlines()[1:] == ["3,该渠道没有此用户"]

    assert maker.act(grant, "submit", reason="救助") == "已提交，待另一人复核"
    approval = Approval.objects.get(kind="voucher.grant")
    text = checker.html(checker.page_url(approval))
    for words in (
        f"渠道 {channel.name}，名单 名单.csv",
        "2 人每人 1 张，面额 30.00 元，合计不超过 60.00 元",
        "名单中另有 1 行无效，不发放",
        "定向发放 · 名单.csv",
    ):
        assert words in text, words
    assert checker.act(approval, "agree", comment="") == "已同意"
    grant.refresh_from_db()
    assert grant.state == "GRANTING"
    done = run(grant.job)
    assert done.message == "已发放 2 人，未发放 0 人"
    text = checker.html(checker.page_url(grant))
    assert "已完成" in text
    assert "60.00" in text
    assert file_text(checker, done, "发放结果.csv").splitlines()[1:] == [
        f"1,{people[0].external_id},已发放,",
        f"2,{people[1].external_id},已发放,",
    ]
    assert Voucher.objects.count() == 2


def test_the_checker_is_told_when_the_open_quota_is_short(channel: Client) -> None:
    live = campaign_live(batches=[BatchPlan(units=1)])
    grant = grant_made(live.batch, channel, public_ids(people_make(channel, 2)))
    maker = Staff.login(grant.created_by)
    maker.act(grant, "submit", reason="")
    checker = Staff.of(Role.CAMPAIGN_CHECKER)
    text = checker.html(checker.page_url(Approval.objects.get(kind="voucher.grant")))
    assert "已投放未领取仅 1 张，名单在后的人可能领不到" in text


def test_a_draft_can_be_given_up_and_a_failed_job_taken_up(
    live: LiveCampaign, channel: Client
) -> None:
    grant = grant_made(live.batch, channel, public_ids(people_make(channel, 1)))
    maker = Staff.login(grant.created_by)
    assert maker.act(grant, "cancel", reason="名单有误") == "已作废"
    other = grant_made(live.batch, channel, public_ids(people_make(channel, 1)))
    job_id = grant_agreed(other)
    assert maker.action(other, "resume").status_code == 403
    Job.objects.filter(pk=job_id).update(state="FAILED")
    assert maker.act(other, "resume") == "已继续，不会重复发放"
    other.refresh_from_db()
    assert run(other.job).state == "DONE"
    assert Voucher.objects.count() == 1


def test_who_may_not_send_in(live: LiveCampaign, channel: Client) -> None:
    for role in (Role.CAMPAIGN_CHECKER, Role.LIST_MAKER, Role.AUDITOR, Role.RISK_MAKER):
        page = Staff.of(role)
        assert send_in(page.client, live, channel, ["a"]).status_code == 403, role
    city = Staff.of(Role.CAMPAIGN_MAKER, region=NANNING)
    assert send_in(city.client, live, channel, ["a"]).status_code in {200, 403}
    strict = Browser(enforce_csrf_checks=True)
    strict.force_login(staff_make(Role.CAMPAIGN_MAKER), backend="core.access.backend.RoleBackend")
    assert send_in(strict, live, channel, ["a"]).status_code == 403
    assert not Grant.objects.exists()


def test_files_are_for_those_who_handle_grants_in_their_region(
    live: LiveCampaign, channel: Client
) -> None:
    grant = grant_made(live.batch, channel, ["nobody"])
    assert grant.check_job is not None
    file = reverse("job-file", args=(grant.check_job.files.get().pk,))
    assert Staff.of(Role.CAMPAIGN_MAKER).get(file).status_code == 200
    assert Staff.of(Role.DIRECTOR).get(file).status_code == 200
    for other in (
        Staff.of(Role.SERVICE_DESK),
        Staff.of(Role.AUDITOR),
        Staff.of(Role.CAMPAIGN_MAKER, region=LIUZHOU),
    ):
        assert other.get(file).status_code in {403, 404}


def test_the_command_submits_and_grants_nothing(
    live: LiveCampaign, channel: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = people_make(channel, 2)
    path = tmp_path / "名单.csv"
    path.write_text("\n".join(public_ids(people)))
    maker = staff_make(Role.CAMPAIGN_MAKER)
    options = {
        "batch": f"{live.campaign.code}/{live.batch.code}",
        "client": channel.code,
        "maker": maker.username,
    }
    call_command("vouchers_grant", str(path), **options)
    grant = Grant.objects.get()
    assert (grant.state, grant.people) == ("SUBMITTED", 2)
    assert f"grant {grant.pk}: 2 of 2 rows" in capsys.readouterr().out
    assert Voucher.objects.count() == 0
    for wrong in ({"batch": "none/b1"}, {"client": "none"}, {"maker": "none"}):
        with pytest.raises(CommandError, match="no such"):
            call_command("vouchers_grant", str(path), **{**options, **wrong})
    with pytest.raises(CommandError, match="nothing to grant"):
        call_command("vouchers_grant", str(path), **options)
