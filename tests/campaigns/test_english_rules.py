"""English rules are English: of every programme, nothing Chinese is left but names."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from campaigns.definition.document import Definition, definition_build, definition_stored
from campaigns.definition.reading import definition_read
from core.access.regions import region_names
from core.errors import CATALOGUE
from tests.factories.campaigns import OPENED_AT
from tests.factories.rich_rules import BENEFITS, rich_document
from tests.factories.running import campaign_published
from tests.support.moments import business_time_set
from tests.support.page_text import page_text

pytestmark = pytest.mark.django_db
CHINESE = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
FOLDER = Path(settings.BASE_DIR) / "campaigns" / "definitions"
PROGRAMMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def built(name: str) -> Definition:
    if name in BENEFITS:
        return definition_build(rich_document(name))
    path = FOLDER / f"{name}.yaml"
    return definition_build(definition_read(path.read_bytes(), path.name))


def names(definition: Definition) -> list[str]:
    """Return what stays as it is in every language, the longest first."""
    spec, batches = definition.spec, definition.values["batches"]
    codes = {*spec.regions, spec.owner_region}
    codes |= {code for batch in batches for code in batch.rules.use.regions}
    codes |= {code for batch in batches for code in batch.rules.location.regions}
    found = {spec.title, *region_names(codes).values(), *(one.name for one in spec.funders)}
    found |= {batch.name for batch in batches} | {batch.rules.group for batch in batches}
    aimed = [batch.rules.audience for batch in batches if batch.rules.audience]
    found |= {text for audience in aimed for text in (audience.name, audience.contact)}
    found |= {getattr(batch.rules.benefit, "name", "") for batch in batches}
    for use in (batch.rules.use for batch in batches):
        found |= {rule.name for rule in (*use.items, *use.excluded_items)}
    return sorted(found - {""}, key=len, reverse=True)


def chinese_lines(lines: list[str], allowed: list[str]) -> list[str]:
    """Return the lines that are Chinese beside the names."""
    found = []
    for line in lines:
        rest = line
        for name in allowed:
            rest = rest.replace(name, "")
        if CHINESE.search(rest):
            found.append(line)
    return found


@pytest.mark.parametrize("page", ["rules", "rules-cashier"])
@pytest.mark.parametrize("name", [*PROGRAMMES, *BENEFITS])
def test_an_english_page_is_english(name: str, page: str) -> None:
    business_time_set(OPENED_AT)
    definition = built(name)
    campaign = campaign_published(definition.document())
    response = Client().get(reverse(page, args=[campaign.code]), {"lang": "en"})
    text = page_text(response.content.decode())
    assert len(text.lines) > 10
    assert chinese_lines([*text.lines, *text.table], names(definition)) == []


@pytest.mark.parametrize("name", [*PROGRAMMES, *BENEFITS])
def test_what_the_api_answers_in_english_is_english(name: str) -> None:
    definition = definition_stored(built(name).document())
    with override("en"):
        assert chinese_lines(definition.rules_text(), names(definition)) == []


def test_the_scan_finds_what_is_not_translated() -> None:
    definition = built("THRESHOLD")
    with override("zh-hans"):
        lines = definition.rules_text()
    assert chinese_lines(lines, names(definition)) == lines


def test_codes_that_people_ask_about_have_an_answer_in_both_languages() -> None:
    asked = [
        text
        for text in CATALOGUE.values()
        if text.code.split(".")[0] in ("claim", "voucher", "code", "redemption", "refund")
    ]
    assert len(asked) > 40
    for text in asked:
        assert CHINESE.search(text.hotline_zh), text.code
        assert text.hotline_en, text.code
    for text in CATALOGUE.values():
        english = text.title_en + text.detail_en + text.remedy_en + text.hotline_en
        assert not CHINESE.search(english), text.code
