"""Campaign pages in a browser: the buttons' dialogs, the draft page, the approval's page."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from campaigns.models import Campaign
from core import clock
from core.access.models import Role
from core.audit.models import AuditEvent
from core.canonical import canonical_hash
from core.embedded.record import ServiceUrls
from tests.factories.merchants import PROVINCE
from tests.factories.running import campaign_running
from tests.factories.staff import staff_make
from tests.support.look import look
from tests.support.web import CHROMIUM, needs_browser, web_process

PASSWORD = "Test-password-1"


@pytest.fixture
def address(own_database: ServiceUrls, tmp_path: Path) -> Iterator[str]:
    campaign_running()
    with web_process(own_database, tmp_path / "web.log", {}) as found:
        yield found


def log_in(page: Page, address: str, username: str) -> None:
    page.goto(f"{address}/admin/login/")
    page.locator("input[name=username]").fill(username)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("form button[type=submit]").first.click()
    page.wait_for_url(f"{address}/admin/")


@needs_browser
@pytest.mark.slow
def test_stop_and_restart_by_two_people(address: str, tmp_path: Path) -> None:
    maker, checker = staff_make(Role.CAMPAIGN_MAKER), staff_make(Role.CAMPAIGN_CHECKER)
    campaign = Campaign.objects.get()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        complaints: list[str] = []
        page = browser.new_page(viewport={"width": 1500, "height": 1100}, locale="zh-CN")
        expect.set_options(timeout=30_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        log_in(page, address, maker.username)
        page.goto(f"{address}/admin/campaigns/campaign/{campaign.pk}/change/")
        page.screenshot(path=tmp_path / "campaign.png", full_page=True)
        page.get_by_text("停止（领取与核销）").click()
        page.locator("textarea[name=reason]").fill("发现套现")
        page.screenshot(path=tmp_path / "dialog.png")
        page.get_by_role("button", name="确定").click()
        expect(page.get_by_text("已停止").first).to_be_visible()
        page.get_by_text("申请恢复").click()
        page.locator("textarea[name=reason]").fill("已处置")
        page.get_by_role("button", name="确定").click()
        expect(page.get_by_text("已提交，待另一人复核").first).to_be_visible()
        page.goto(f"{address}/admin/campaigns/campaign/{campaign.pk}/edit")
        expect(page.get_by_role("button", name="保存草稿")).to_be_visible()
        page.screenshot(path=tmp_path / "editor.png", full_page=True)

        page.context.clear_cookies()
        log_in(page, address, checker.username)
        page.goto(f"{address}/admin/core/approval/")
        page.get_by_text("恢复活动：春季消费券").first.click()
        expect(page.get_by_text("批准的内容")).to_be_visible()
        page.screenshot(path=tmp_path / "approval.png", full_page=True)
        page.get_by_role("link", name="同意").first.click()
        page.get_by_role("button", name="确定").click()
        expect(page.get_by_text("已同意").first).to_be_visible()
        browser.close()
    campaign.refresh_from_db()
    assert (campaign.state, campaign.redemptions_on) == ("LIVE", True)
    assert complaints == []


@needs_browser
@pytest.mark.slow
def test_a_campaign_is_drafted_and_saved_again_unchanged(address: str) -> None:
    """A browser also sends the rows and drop-downs that nobody touched."""
    maker = staff_make(Role.CAMPAIGN_MAKER)
    first = clock.today() + timedelta(days=10)
    typed = {
        "campaign-code": "autumn",
        "campaign-title": "秋季消费券",
        "campaign-regions": PROVINCE,
        "campaign-starts_at": f"{first} 00:00",
        "campaign-ends_at": f"{first + timedelta(days=20)} 00:00",
        "campaign-rules_text": "第一行\n第二行",
        "funders-0-code": "city",
        "funders-0-name": "财政",
        "funders-0-quota_fen": "300",
        "funders-0-number": "桂财1号",
        "funders-0-year": "2026",
        "batches-0-code": "b1",
        "batches-0-name": "满10减3",
        "batches-0-units": "100",
        "batches-0-face_fen": "3",
        "batches-0-threshold_fen": "10",
        "batches-0-funders": "city:1",
        "batches-0-validity_value": "72",
        "batches-0-releases": f"{first} 08:00 60\n{first} 20:00 40",
    }
    with look(address) as eyes:
        eyes.log_in(maker)
        page = eyes.open("/admin/campaigns/campaign/create/")
        for name, text in typed.items():
            page.locator(f"[name='{name}']").fill(text)
        page.locator("[name='campaign-owner_region']").select_option(PROVINCE)
        page.locator("[name='batches-0-units']").fill("")
        page.get_by_role("button", name="保存草稿").click()
        expect(page.get_by_text("草稿未保存，有 1 处须更正")).to_be_visible()
        page.get_by_role("link", name="第 1 批 · 满10减3 · 计划张数").click()
        expect(page.locator("[name='batches-0-units']")).to_be_in_viewport()
        eyes.fine("draft-refused")
        page.locator("[name='batches-0-units']").fill("100")
        page.get_by_role("button", name="保存草稿").click()
        expect(page.get_by_text("已保存草稿")).to_be_visible()
        page.get_by_role("link", name="编辑草稿").click()
        page.get_by_role("button", name="保存草稿").click()
        expect(page.get_by_text("已保存草稿")).to_be_visible()
    campaign = Campaign.objects.get(code="autumn")
    draft = campaign.draft
    assert [one["code"] for one in draft["funders"]] == ["city"]
    assert draft["documents"] == []
    assert [one["code"] for one in draft["batches"]] == ["b1"]
    assert [one["units"] for one in draft["batches"][0]["releases"]] == [60, 40]
    assert draft["rules_text"] == "第一行\n第二行"
    # The second save changed nothing: it left no event.
    events = AuditEvent.objects.filter(subject_id=str(campaign.pk), action="campaign.draft")
    assert [one.data["new_hash"] for one in events] == [canonical_hash(draft)]
