"""What the draft page refuses or passes on unchanged, whatever is sent to it."""

import pytest
from django.test import Client

from campaigns.services.drafts import campaign_draft_save
from tests.factories.definitions import document_make
from tests.factories.running import BEFORE
from tests.vouchers.test_draft_editor import edit_url, form_data, login, saved

pytestmark = pytest.mark.django_db


class Draft:
    """The draft page of one campaign, and what a browser would send from it."""

    def __init__(self, **changes: object) -> None:
        document = document_make(**changes)
        self.campaign = campaign_draft_save(document=document, actor=None, now=BEFORE)
        self.client: Client = login()
        self.before = saved()

    def refused(self, **changes: str) -> str:
        """Send the page with changes of the first batch; the page of the refusal."""
        data = form_data(self.client.get(edit_url(self.campaign)))
        data |= {f"batches-0-{name}": value for name, value in changes.items()}
        page = self.client.post(edit_url(self.campaign), data)
        assert page.status_code == 200
        assert saved() == self.before
        return page.content.decode()


@pytest.mark.parametrize("year", ["0001", "1999", "2101", "9999"])
@pytest.mark.parametrize("field", ["fixed_from", "fixed_until", "releases"])
def test_a_moment_no_definition_may_name_is_refused_with_the_limit(field: str, year: str) -> None:
    typed = f"{year}-01-01 00:00" + (" 50" if field == "releases" else "")
    assert "应在 2000 年至 2100 年之间" in Draft().refused(**{field: typed})
