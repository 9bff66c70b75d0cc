"""The staff side in a browser: pages without errors or barriers, and a few of the daily paths."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.access.models import ClientKey, Role
from core.access.services import client_key_secret
from core.audit.models import AuditEvent
from core.clock import wall
from core.embedded.record import ServiceUrls
from core.jobs.models import Job
from core.jobs.services import job_run
from core.screening.models import Case, CaseState
from merchants.models import Merchant
from tests.factories.merchants import NANNING, PROVINCE, client_make
from tests.factories.staff import staff_make
from tests.factories.world import World, world_make
from tests.merchants.lists import csv_bytes, row
from tests.support.look import look
from tests.support.threads import at_once
from tests.support.web import needs_browser, web_process

# `world_make` writes one row of everything, not a history that could have happened.
pytestmark = [needs_browser, pytest.mark.slow, pytest.mark.broken_books]

LISTS = (
    "campaigns/campaign",
    "campaigns/whitelist",
    "core/approval",
    "core/case",
    "core/entry",
    "core/posting",
    "core/auditevent",
    "merchants/store",
    "redemption/redemption",
    "redemption/settlementbatch",
    "redemption/discrepancy",
    "vouchers/batch",
    "vouchers/voucher",
)
ENGLISH = re.compile(
    r"\b(Search|Filters?|Apply|Select|Save|Delete|Cancel|Submit|Home|Welcome|Add|Close|Reset|"
    r"Log out|Log in|Change|View|All|Back|Loading|results?|Yes|No|None|Today|Now)\b"
)


@pytest.fixture
def here(own_database: ServiceUrls) -> World:
    return world_make(NANNING)


@pytest.fixture
def address(own_database: ServiceUrls, here: World, tmp_path: Path) -> Iterator[str]:
    with web_process(own_database, tmp_path / "web.log") as found:
        yield found


def test_main_pages_are_whole_accessible_and_chinese(address: str, here: World) -> None:
    user = staff_make(Role.AUDITOR, region=PROVINCE)
    case = Case.objects.get()
    with look(address) as eyes:
        eyes.open("/admin/login/")
        eyes.fine("login")
        eyes.log_in(user)
        eyes.fine("first-page")
        pages = [f"/admin/{name}/" for name in LISTS]
        pages.append(f"/admin/core/case/{case.pk}/change/")
        pages.append(f"/admin/campaigns/campaign/{here.shop.live.campaign.pk}/change/")
        pages.append("/admin/password_change/")
        english = {}
        for path in pages:
            eyes.open(path)
            eyes.fine(path.strip("/").replace("/", "-"))
            words = ENGLISH.findall(eyes.page.inner_text("body"))
            if words:
                english[path] = sorted(set(words))
        assert english == {}


def test_a_key_is_shown_once_in_a_dialog(address: str, here: World) -> None:
    user = staff_make(Role.SYSTEM_ADMIN, region=PROVINCE)
    client = client_make(region=NANNING)
    with look(address) as eyes:
        eyes.log_in(user)
        page = eyes.open(f"/admin/core/client/{client.pk}/change/")
        eyes.fine("client")
        page.locator("[hx-get*=issue_key], [href*=issue_key]").first.click()
        page.locator("select[name=algorithm]").select_option("HMAC-SM3")
        eyes.picture("key-dialog")
        page.locator("#dialog button[type=submit]").click()
        shown = page.locator("#issued-secret")
        expect(shown).to_be_visible()
        eyes.fine("key-secret")
        secret = shown.inner_text()
        page.get_by_text("已妥善保存，关闭").click()
        page.wait_for_url(f"**/client/{client.pk}/change/")
        assert secret not in page.content()
    stored = client_key_secret(client=client)
    assert stored is not None
    assert stored[1].decode() == secret
    assert ClientKey.objects.get(client=client).algorithm == "HMAC-SM3"


def test_a_case_is_decided_with_a_reason(address: str, here: World) -> None:
    user = staff_make(Role.RISK_MAKER, region=NANNING)
    case = Case.objects.get()
    with look(address) as eyes:
        eyes.log_in(user)
        page = eyes.open(f"/admin/core/case/{case.pk}/change/")
        expect(page.get_by_text("不利于该嫌疑的情况")).to_be_visible()
        page.locator("[hx-get*='/release'], [href*='/release']").first.click()
        page.locator("#dialog button[type=submit]").click()
        # The answer replaces the form: what is typed before it arrives would be lost.
        expect(page.locator("#dialog").get_by_text("该字段是必填项。")).to_be_visible()
        page.locator("textarea[name=reason]").fill("开业促销，已核实")
        eyes.picture("case-dialog")
        page.locator("#dialog button[type=submit]").click()
        expect(page.get_by_text("已办结").first).to_be_visible()
        eyes.fine("case-decided")
    case.refresh_from_db()
    assert (case.state, case.decision_reason) == (CaseState.RELEASED, "开业促销，已核实")


def job_finish(name: str) -> None:
    job_run(job_id=Job.objects.get(title__contains=name).pk, now=wall())


def test_a_list_with_faults_gives_a_file_that_names_them(
    address: str, here: World, tmp_path: Path
) -> None:
    user = staff_make(Role.LIST_MAKER, region=NANNING)
    bad = tmp_path / "名单.csv"
    bad.write_bytes(csv_bytes([row(1), row(2, 统一社会信用代码="91450103MA00000000")]))
    before = Merchant.objects.count()
    with look(address) as eyes:
        eyes.log_in(user)
        page = eyes.open("/admin/merchants/merchant/import")
        eyes.fine("import")
        acquirer = page.locator("select[name=acquirer]")
        if acquirer.count():
            acquirer.select_option(str(here.shop.terminal.acquirer_id))
        region = page.locator("select[name=owner_region]")
        if region.count():
            region.select_option(NANNING)
        page.locator("input[type=file]").set_input_files(bad)
        page.locator("form[enctype] button[type=submit]").click()
        expect(page.get_by_text("排队中").first).to_be_visible()
        at_once(job_finish, ["名单.csv"], threads=1)  # Playwright keeps this thread busy
        expect(page.get_by_text("导入错误.csv").first).to_be_visible()  # the page reloads itself
        eyes.fine("import-job")
        with page.expect_download() as download:
            page.get_by_role("link", name="下载").first.click()
        faults = Path(download.value.path()).read_bytes()
    assert Merchant.objects.count() == before
    assert "统一社会信用代码" in faults.decode("utf-8-sig")
    assert AuditEvent.objects.filter(action="job.download", actor=user).count() == 1
