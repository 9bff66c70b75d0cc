"""Looking at pages with a real browser: log in, collect complaints, check accessibility.

with look(address) as eyes:
    eyes.log_in(user)
    eyes.open("/admin/")
    eyes.fine("first page")        # no console error, no policy violation, accessible
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from core.access.models import User
from tests.support.web import CHROMIUM

PASSWORD = "Test-password-1"
AXE = Path(__file__).parents[1] / "browser" / "vendor" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa"]
PATIENCE_MS = 30_000
SCREENSHOTS = os.environ.get("XFQ_SCREENSHOTS", "")
"""A folder to keep pictures in, for a person to look at."""


@dataclass
class Eyes:
    """One browser window and what it complained about."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Open a page of the site."""
        answer = self.page.goto(f"{self.address}{path}")
        assert answer is not None
        assert answer.status == 200, (path, answer.status)
        self.page.wait_for_load_state("networkidle")
        return self.page

    def log_in(self, user: User) -> None:
        """Log a member of staff in through the form, another one out before."""
        self.page.context.clear_cookies()
        self.open("/admin/login/")
        self.page.locator("input[name=username]").fill(user.username)
        self.page.locator("input[name=password]").fill(PASSWORD)
        self.page.locator("#login-form button[type=submit]").click()
        self.page.wait_for_url(f"{self.address}/admin/")

    def picture(self, name: str) -> None:
        """Keep a picture of the whole page if somebody asked for pictures."""
        if SCREENSHOTS:
            self.page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", full_page=True)

    def fine(self, name: str) -> None:
        """Assert that the page raised no error and has no serious barrier."""
        self.picture(name)
        assert self.complaints == [], name
        assert self.barriers() == [], name

    def barriers(self) -> list[str]:
        """Return what axe-core calls serious or critical on the page shown."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: dict[str, Any] = self.page.evaluate(
            "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES
        )
        return [
            f"{one['id']}: {node['html'][:160]}"
            for one in found["violations"]
            if one["impact"] in {"serious", "critical"}
            for node in one["nodes"][:3]
        ]


@contextmanager
def look(address: str) -> Iterator[Eyes]:
    """Open a browser window of a usual office screen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": 1440, "height": 900}, locale="zh-CN", accept_downloads=True
        )
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        eyes = Eyes(page, address)
        page.on(
            "console",
            lambda one: eyes.complaints.append(one.text) if one.type == "error" else None,
        )
        page.on("pageerror", lambda error: eyes.complaints.append(str(error)))
        try:
            yield eyes
        finally:
            browser.close()
