"""The forecast in a browser: asked for with the form, read as curves and tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from campaigns.models import Campaign
from campaigns.services.drafts import campaign_draft_save
from campaigns.services.versions import campaign_submit
from core.access.models import Role
from core.embedded.record import ServiceUrls
from core.jobs.models import Job
from core.jobs.services import job_run
from tests.factories.definitions import document_make
from tests.factories.running import BEFORE
from tests.factories.staff import staff_make
from tests.support.look import look
from tests.support.threads import at_once
from tests.support.web import needs_browser, web_process

pytestmark = [needs_browser, pytest.mark.slow]


@pytest.fixture
def campaign(own_database: ServiceUrls) -> Campaign:
    maker = staff_make(Role.CAMPAIGN_MAKER)
    found = campaign_draft_save(document=document_make(), actor=maker, now=BEFORE)
    campaign_submit(campaign_id=found.pk, actor=maker, now=BEFORE)
    return found


@pytest.fixture
def address(own_database: ServiceUrls, campaign: Campaign, tmp_path: Path) -> Iterator[str]:
    with web_process(own_database, tmp_path / "web.log") as found:
        yield found


def job_finish(title: str) -> str:
    """Do what a worker would; Playwright keeps the test's own thread busy."""
    job = job_run(job_id=Job.objects.get(title=title).pk, now=BEFORE)
    return "" if job is None else job.state


def test_a_checker_forecasts_what_he_is_to_approve(address: str, campaign: Campaign) -> None:
    checker = staff_make(Role.CAMPAIGN_CHECKER)
    with look(address) as eyes:
        eyes.log_in(checker)
        page = eyes.open(f"/admin/campaigns/campaign/{campaign.pk}/change/")
        page.get_by_role("link", name="投放预测").click()
        expect(page.get_by_role("button", name="开始预测")).to_be_visible()
        eyes.fine("forecast-form")
        page.locator("input[name=seed]").fill("7")
        page.get_by_text("模型参数").click()
        page.locator("input[name=demand]").fill("3000")
        page.get_by_role("button", name="开始预测").click()
        expect(page.get_by_text("正在推演")).to_be_visible()
        # The web process only asks; a worker plays, here at once.
        assert at_once(job_finish, ["投放预测：春季消费券"], threads=1) == [Job.State.DONE]
        expect(page.get_by_role("img", name="满100减30")).to_be_visible()
        expect(page.get_by_role("region", name="各轮投放")).to_contain_text("开抢后")
        page.wait_for_load_state("networkidle")
        eyes.fine("forecast")
        page.evaluate("document.documentElement.classList.add('dark')")
        eyes.fine("forecast-dark")
        with page.expect_download() as taken:
            page.get_by_role("link", name=".xlsx").click()
        assert taken.value.suggested_filename == "forecast-spring-2026-7.xlsx"

        page = eyes.open("/admin/core/approval/")
        page.get_by_role("link", name="春季消费券 方案第 1 版").click()
        expect(page.get_by_text("与本次审批内容一致")).to_be_visible()
        eyes.picture("forecast-approval")
        assert eyes.complaints == []
