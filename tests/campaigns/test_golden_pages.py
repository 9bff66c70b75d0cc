"""The pages of one rich batch per kind, word for word, in both languages.

The files in tests/golden are what was read and agreed to. After a change of words that is meant,
write them anew and read the difference before committing it:

    XFQ_GOLDEN=write ./run test tests/campaigns/test_golden_pages.py

A new member of `Benefit` needs an example in tests/factories/rich_rules.py and its files here.
"""

import os
from datetime import datetime
from pathlib import Path
from typing import get_args

import pytest
from django.test import Client
from django.urls import reverse

from core.clock import TIME_ZONE
from tests.factories.merchants import brand_make, store_make
from tests.factories.rich_rules import BENEFITS, STORES, rich_document
from tests.factories.running import campaign_published
from tests.support.moments import business_time_set
from tests.support.page_text import PageText, page_text
from vouchers.rules.benefit_model import Benefit

pytestmark = pytest.mark.django_db
GOLDEN = Path(__file__).parents[1] / "golden"
WRITING = os.environ.get("XFQ_GOLDEN") == "write"
KINDS = sorted({*(str(kind.__struct_config__.tag) for kind in get_args(Benefit)), "RETURN"})
PAGES = {"citizen": "rules", "cashier": "rules-cashier"}
LANG = ("zh", "en")
NOW = datetime(2026, 3, 7, 12, tzinfo=TIME_ZONE)


def read(kind: str, page: str, language: str) -> PageText:
    business_time_set(NOW)
    brand_make("有味", code="youwei")
    for number, store_no in zip("一二三四五六", STORES, strict=True):
        store_make(name=f"{number}号店", store_no=store_no)
    campaign = campaign_published(rich_document(kind))
    response = Client().get(reverse(PAGES[page], args=[campaign.code]), {"lang": language})
    assert response.status_code == 200
    return page_text(response.content.decode())


def assert_golden(name: str, lines: list[str]) -> None:
    path, text = GOLDEN / f"{name}.txt", "\n".join(lines) + "\n"
    if WRITING:
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"no golden file {path.name}; see this module's docstring"
    assert text == path.read_text(encoding="utf-8")


def test_every_kind_of_batch_has_an_example() -> None:
    assert sorted(BENEFITS) == KINDS


@pytest.mark.parametrize("language", LANG)
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_says_what_was_agreed_to(kind: str, page: str, language: str) -> None:
    assert_golden(f"{kind.lower()}.{page}.{language}", read(kind, page, language).lines)


@pytest.mark.parametrize("language", LANG)
def test_the_refusals_of_a_till_say_what_was_agreed_to(language: str) -> None:
    """They are the same for every kind, so they have files of their own."""
    assert_golden(f"till-codes.{language}", read(KINDS[0], "cashier", language).table)


def test_there_is_no_golden_file_of_nothing() -> None:
    wanted = {f"{kind.lower()}.{page}.{lang}" for kind in KINDS for page in PAGES for lang in LANG}
    wanted |= {f"till-codes.{lang}" for lang in LANG}
    assert {path.stem for path in GOLDEN.glob("*.txt")} == wanted
