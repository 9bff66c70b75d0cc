"""The public pages on phone, screen and paper: readable, accessible, nothing sticks out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import ViewportSize

from core.embedded.record import ServiceUrls
from tests.factories.rich_rules import rich_document
from tests.factories.running import campaign_published
from tests.support.look import Eyes, look
from tests.support.web import needs_browser, web_process

PHONE = ViewportSize(width=360, height=740)
SCREEN = ViewportSize(width=1440, height=900)
PAGES = {
    "/rules/spring-2026/?lang=zh": "活动规则 · 春季消费券",
    "/rules/spring-2026/?lang=en": "Rules of the campaign · 春季消费券",
    "/rules/spring-2026/cashier/?lang=zh": "收银员须知 · 春季消费券",
    "/rules/spring-2026/cashier/?lang=en": "Notes for cashiers · 春季消费券",
}
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SMALL_TARGETS = """[...document.querySelectorAll('nav a')]
    .filter(one => one.getBoundingClientRect().height < 40).length"""


@pytest.fixture
def address(own_database: ServiceUrls, tmp_path: Path) -> Iterator[str]:
    campaign_published(rich_document("THRESHOLD"))
    with web_process(own_database, tmp_path / "web.log") as found:
        yield found


def fits(eyes: Eyes, name: str) -> None:
    """Nothing reaches beyond the right edge."""
    assert eyes.page.evaluate(WIDER) <= 0, name


@needs_browser
@pytest.mark.slow
def test_the_pages_read_well_on_phone_screen_and_paper(address: str) -> None:
    with look(address) as eyes:
        for number, (path, title) in enumerate(PAGES.items()):
            for size in (PHONE, SCREEN):
                eyes.page.set_viewport_size(size)
                name = f"public-{number}-{size['width']}"
                page = eyes.open(path)
                assert page.title() == title
                assert page.locator("h1").count() == 1
                fits(eyes, name)
                assert page.evaluate(SMALL_TARGETS) == 0
                eyes.fine(name)
            eyes.page.emulate_media(media="print")
            fits(eyes, f"{path} on paper")
            assert not eyes.page.locator("nav").is_visible()
            eyes.picture(f"public-{number}-print")
            eyes.page.emulate_media(media="screen")


@needs_browser
@pytest.mark.slow
def test_a_reader_changes_the_language_and_goes_on_to_the_till(address: str) -> None:
    with look(address) as eyes:
        page = eyes.open("/rules/spring-2026/")
        assert page.locator("html").get_attribute("lang") == "zh-Hans"
        page.get_by_role("link", name="English").click()
        page.wait_for_url("**/rules/spring-2026/?lang=en")
        page.get_by_role("link", name="Notes for cashiers").click()
        page.wait_for_url("**/rules/spring-2026/cashier/?lang=en")
        assert page.locator("html").get_attribute("lang") == "en"
        page.get_by_role("link", name="Rules of the campaign").click()
        page.wait_for_url("**/rules/spring-2026/?lang=en")
        assert eyes.complaints == []
