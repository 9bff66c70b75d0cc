"""The 演示台 in a browser: it signs, claims, pays and refunds, and the books move."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from pytest_django import Settings

from core.clock import TIME_ZONE
from core.embedded.record import ServiceUrls
from redemption.demo.stage import bench_prepare
from redemption.rehearsal.crew import crew_make
from tests.factories.merchants import QINGXIU, store_make, terminal_make
from tests.support.moments import business_time_set
from tests.support.web import CHROMIUM, needs_browser, web_process
from vouchers.services.releases import quota_release_open

NOW = datetime(2026, 5, 6, 10, 0, 30, tzinfo=TIME_ZONE)
EXPECTED_REFUSALS = 1
"""A refused claim is a 409, which a browser's console reports."""


@pytest.fixture
def bench_address(own_database: ServiceUrls, settings: Settings, tmp_path: Path) -> Iterator[str]:
    settings.XFQ_DEMO = True
    business_time_set(NOW)
    terminal_make(store_make(region=QINGXIU))
    bench_prepare(crew=crew_make(NOW), now=NOW)
    quota_release_open(now=NOW)
    with web_process(own_database, tmp_path / "web.log", {"XFQ_DEMO": "on"}) as address:
        yield address


def balance(page: Page, account: str) -> str:
    row = page.locator("#balance-rows tr").filter(has_text=account)
    return row.locator("td").last.inner_text()


def cancel_as_a_whole(page: Page) -> None:
    """Pay as another citizen and cancel it; then there is nothing to cancel."""
    offers = page.locator("#offers .card")
    page.locator("#new-citizen").click()
    expect(page.locator("#wallet .card")).to_have_count(0)
    offers.first.get_by_role("button").click()
    page.locator("#wallet button").click()
    page.locator("#scan").click()
    page.locator("#pay").click()
    expect(page.locator("#cancel")).to_be_enabled()
    page.locator("#cancel").click()
    expect(page.locator("#cancel-why")).to_have_text("撤销整笔：已整笔撤销。")
    expect(page.locator("#cancel")).to_be_disabled()
    payable = page.locator("#balance-rows tr").filter(has_text="应付补贴款")
    expect(payable.locator("td").last).to_have_text("13.50")


@needs_browser
@pytest.mark.slow
def test_claim_pay_refund_and_replay(bench_address: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(locale="zh-CN", viewport={"width": 1500, "height": 1050})
        complaints: list[str] = []
        page.on(
            "console",
            lambda one: complaints.append(one.text) if one.type in {"error", "warning"} else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{bench_address}/demo/")
        offers = page.locator("#offers .card")
        expect(offers).to_have_count(2)
        expect(page.locator("#lights li.ok")).to_have_count(3)
        assert balance(page, "已投放未领取") == "1,600.00"

        offers.first.get_by_role("button").click()
        expect(page.locator("#wallet .card")).to_have_count(1)
        expect(page.locator("#balance-rows")).to_contain_text("已领取未使用")
        assert balance(page, "已领取未使用") == "30.00"
        offers.first.get_by_role("button").click()
        expect(page.locator("#phone-note.bad")).to_contain_text("claim.person_limit")

        page.locator("#wallet button").click()
        page.locator("#scan").click()
        page.locator("#order-yuan").fill("80.00")
        page.locator("#quote").click()
        expect(page.locator("#quote-box")).to_contain_text("还差 20.00 元")
        page.locator("#order-yuan").fill("100.00")
        page.locator("#pay").click()
        expect(page.locator("#receipt")).to_contain_text("70.00 元")
        expect(page.locator("#balance-rows")).to_contain_text("应付补贴款")
        assert balance(page, "应付补贴款") == "27.00"

        expect(page.locator("#cancel")).to_be_enabled()
        expect(page.locator("#cancel-why")).to_be_empty()
        page.locator("#refund").click()
        expect(page.locator("#till-note")).to_contain_text("退顾客 35.00 元，退补贴 15.00 元")
        expect(page.locator("#receipt")).to_contain_text("已退补贴")
        expect(page.locator("#cancel")).to_be_disabled()
        expect(page.locator("#cancel-why")).to_have_text(
            "撤销整笔：已部分退款，不能再撤销整笔；其余金额请办理退款。"
        )
        page.locator("#replay").click()
        expect(page.locator("#till-note")).to_contain_text("重放")
        expect(page.locator("#lights li.ok")).to_have_count(3)
        assert balance(page, "应付补贴款") == "13.50"

        cancel_as_a_whole(page)
        browser.close()
    assert len(complaints) == EXPECTED_REFUSALS
    assert "409" in complaints[0]
