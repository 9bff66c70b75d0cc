"""The forecast in the admin: who may ask for it, what the job leaves, what a checker finds."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.models import Campaign
from campaigns.services.drafts import campaign_draft_save
from campaigns.services.versions import campaign_submit
from core.access.models import Role, User
from core.jobs.models import Job, JobFile
from core.jobs.services import job_run
from core.models import Approval
from redemption.forecast.chart import burn_down
from redemption.forecast.job import forecast_of_job, forecasts_of
from redemption.forecast.parameters import PARAMETERS
from tests.factories.approvals import approve
from tests.factories.definitions import document_make
from tests.factories.merchants import LIUZHOU, NANNING
from tests.factories.running import BEFORE
from tests.factories.staff import staff_make
from tests.redemption.test_forecast_command import written
from tests.support.admin import Staff

pytestmark = pytest.mark.django_db
ASKED = {"seed": 7, "scale": 1, **{one.name: one.default for one in PARAMETERS}}


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
    monkeypatch.setattr("core.clock.now", lambda: BEFORE)
    settings.FILES_DIR = tmp_path


@pytest.fixture
def maker() -> User:
    return staff_make(Role.CAMPAIGN_MAKER)


@pytest.fixture
def draft(maker: User) -> Campaign:
    return campaign_draft_save(document=document_make(), actor=maker, now=BEFORE)


def page_url(campaign: Campaign) -> str:
    return reverse("admin:campaigns_campaign_forecast", args=(campaign.pk,))


def asked(staff: Staff, campaign: Campaign, **changes: object) -> Job:
    """Send the form and run the job it made."""
    response = staff.client.post(page_url(campaign), {**ASKED, **changes})
    assert response.status_code == 302, response.content.decode()[-3000:]
    job = forecasts_of(campaign)[0]
    assert response["Location"].endswith(f"?job={job.pk}")
    job_run(job_id=job.pk, now=BEFORE)
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.message
    return job


def test_a_maker_asks_waits_and_reads(draft: Campaign, maker: User) -> None:
    staff = Staff.login(maker)
    assert page_url(draft) in staff.html(staff.page_url(draft))
    assert "按当前草稿推演" in staff.html(page_url(draft))
    response = staff.client.post(page_url(draft), ASKED)
    (job,) = forecasts_of(draft)
    waiting = staff.get(response["Location"])
    assert waiting["Refresh"] == "2"
    assert "正在推演" in waiting.content.decode()
    # The same question again waits for the same job.
    staff.client.post(page_url(draft), ASKED)
    assert forecasts_of(draft).count() == 1

    job_run(job_id=job.pk, now=BEFORE)
    html = staff.html(response["Location"])
    for said in (
        "消耗曲线",
        "各轮投放",
        "预计拒绝",
        "claim.sold_out",
        "<polyline",
        "与当前草稿一致",
    ):
        assert said in html
    job.refresh_from_db()
    forecast = forecast_of_job(job)
    assert forecast is not None
    assert (forecast.seed, forecast.sample.scale) == (7, 1)
    assert f"{forecast.total('claimed'):,}" in html
    files = JobFile.objects.filter(job=job).order_by("pk")
    assert [file.name.rpartition(".")[2] for file in files] == ["json", "xlsx"]
    taken = staff.get(reverse("job-file", args=(files[0].pk,)))
    assert json.loads(b"".join(taken.streaming_content)) == forecast.plain()


def test_a_forecast_writes_the_job_its_files_and_the_log_only(draft: Campaign, maker: User) -> None:
    staff = Staff.login(maker)
    staff.get(page_url(draft))
    before = written()
    asked(staff, draft)
    after = written()
    changed = {name for name, rows in after.items() if rows != before.get(name, 0)}
    assert {"core_job", "core_jobfile"} <= changed
    assert not {
        name
        for name in changed
        if name.startswith(("campaigns_", "vouchers_", "redemption_", "merchants_"))
        or name in {"core_account", "core_entry", "core_posting", "core_approval"}
    }
    assert {name for name in changed if not name.startswith(("core_job", "core_audit"))} == set()


def test_what_the_form_refuses_is_said_at_the_field(draft: Campaign, maker: User) -> None:
    staff = Staff.login(maker)
    for wrong, said in (
        ({"away": 1_001}, "1000"),
        ({"burst_s": ""}, "必填"),
        ({"online": 900, "customer_scans": 900}, "合计不得超过 1000"),
        ({"scale": 1_000}, "不得大于 60"),
    ):
        response = staff.client.post(page_url(draft), {**ASKED, **wrong})
        assert response.status_code == 200
        assert said in response.content.decode(), wrong
    assert not forecasts_of(draft).exists()


@pytest.mark.parametrize("role", [Role.CAMPAIGN_MAKER, Role.CAMPAIGN_CHECKER, Role.DIRECTOR])
def test_who_may_see_the_campaign_may_ask(draft: Campaign, role: str) -> None:
    asked(Staff.of(role), draft)


def test_an_auditor_reads_what_others_asked(draft: Campaign, maker: User) -> None:
    asked(Staff.login(maker), draft)
    auditor = Staff.of(Role.AUDITOR)
    html = auditor.html(page_url(draft))
    assert "消耗曲线" in html
    assert "开始预测" not in html
    assert auditor.client.post(page_url(draft), ASKED).status_code == 403
    assert forecasts_of(draft).count() == 1


def test_other_regions_and_those_who_may_not_see_it(maker: User) -> None:
    plan = document_make(owner_region=NANNING, regions=[NANNING])
    campaign = campaign_draft_save(
        document=plan, actor=staff_make(Role.CAMPAIGN_MAKER, region=NANNING), now=BEFORE
    )
    job = asked(Staff.of(Role.CAMPAIGN_MAKER, region=NANNING), campaign)
    stranger = Staff.of(Role.CAMPAIGN_MAKER, region=LIUZHOU)
    assert stranger.get(page_url(campaign)).status_code == 404
    assert stranger.client.post(page_url(campaign), ASKED).status_code == 404
    for file in job.files.all():
        assert stranger.get(reverse("job-file", args=(file.pk,))).status_code == 404
    # A city sees the province's campaign that covers it, and may not forecast it.
    plan = document_make(code="province-2026")
    above = campaign_draft_save(document=plan, actor=maker, now=BEFORE)
    city = Staff.of(Role.CAMPAIGN_MAKER, region=NANNING)
    assert city.get(page_url(above)).status_code in (403, 404)
    assert page_url(above) not in city.get(city.page_url(above)).content.decode()
    nobody = Staff.of(Role.SYSTEM_ADMIN)
    assert nobody.get(page_url(campaign)).status_code in (403, 404)
    assert forecasts_of(campaign).count() == 1


def test_a_checker_finds_the_forecast_of_what_he_approves(draft: Campaign, maker: User) -> None:
    author, checker = Staff.login(maker), Staff.of(Role.CAMPAIGN_CHECKER)
    old = asked(author, draft)
    # Changed after the forecast: the approval is about something else.
    changed = document_make(title="春季消费券（改）")
    campaign_draft_save(document=changed, actor=maker, now=BEFORE)
    approval = campaign_submit(campaign_id=draft.pk, actor=maker, now=BEFORE)
    html = checker.html(checker.page_url(approval))
    assert "方案已改动，该预测不是本次审批的内容" in html
    assert f"?job={old.pk}" in html
    assert "结果不适用于当前草稿" in checker.html(f"{page_url(draft)}?job={old.pk}")

    new = asked(checker, draft)
    html = checker.html(checker.page_url(approval))
    assert f"?job={new.pk}" in html
    assert "与本次审批内容一致" in html
    approve(approval, now=BEFORE)
    assert "与本次审批内容一致" in checker.html(checker.page_url(Approval.objects.get()))


def test_an_approval_without_a_forecast_says_so(draft: Campaign, maker: User) -> None:
    approval = campaign_submit(campaign_id=draft.pk, actor=maker, now=BEFORE)
    checker = Staff.of(Role.CAMPAIGN_CHECKER)
    html = checker.html(checker.page_url(approval))
    assert "尚无投放预测" in html
    assert page_url(draft) in html


def test_a_job_whose_configuration_is_gone_fails_in_words(draft: Campaign, maker: User) -> None:
    Staff.login(maker).client.post(page_url(draft), ASKED)
    (job,) = forecasts_of(draft)
    campaign_draft_save(document=document_make(title="另一个"), actor=maker, now=BEFORE)
    job_run(job_id=job.pk, now=BEFORE)
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert "预测失败" in Staff.login(maker).html(f"{page_url(draft)}?job={job.pk}")


def test_the_page_asks_as_many_queries_for_ten_forecasts_as_for_one(
    draft: Campaign, maker: User
) -> None:
    staff = Staff.login(maker)
    asked(staff, draft)
    counts = []
    for _round in range(2):
        with CaptureQueriesContext(connection) as queries:
            staff.html(page_url(draft))
        counts.append(len(queries))
        for seed in range(3):
            asked(staff, draft, seed=seed)
    assert counts[0] == counts[1]


def test_curves_fall_from_the_left_to_the_right(draft: Campaign, maker: User) -> None:
    forecast = forecast_of_job(asked(Staff.login(maker), draft))
    assert forecast is not None
    svg = str(burn_down(forecast.batches[0]))
    assert svg.count("<polyline") == 2
    for part in svg.split('points="')[1:]:
        points = [tuple(map(float, one.split(","))) for one in part.partition('"')[0].split()]
        assert points == sorted(points)
        assert [y for _x, y in points] == sorted(y for _x, y in points)
