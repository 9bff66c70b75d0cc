"""The Chinese of django-unfold: compiled as written, and no page string of it left in English."""

import gettext as catalogues
import re
from pathlib import Path

import pytest
import unfold
from django.conf import settings
from django.template import Context, Template
from django.utils.translation import gettext, override

FOLDER = Path(settings.BASE_DIR) / "locale" / "zh_Hans" / "LC_MESSAGES"
TEXT = re.compile(r"""{%\s*trans(?:late)?\s+(["'])(.+?)\1""")
ENTRY = re.compile(r'^msgid "(.+)"\nmsgstr "(.+)"$', re.MULTILINE)


def test_the_compiled_catalogue_is_that_of_the_text() -> None:
    with (FOLDER / "django.mo").open("rb") as file:
        compiled = catalogues.GNUTranslations(file)
    entries = ENTRY.findall((FOLDER / "django.po").read_text(encoding="utf-8"))
    assert len(entries) >= 90
    for english, chinese in entries:
        plain = english.replace('\\"', '"')
        assert compiled.gettext(plain) == chinese.replace('\\"', '"')


def test_no_text_of_the_templates_is_left_in_english() -> None:
    root = Path(unfold.__path__[0]) / "templates"
    texts = {
        text
        for page in root.rglob("*.html")
        for _quote, text in TEXT.findall(page.read_text(encoding="utf-8"))
    }
    with override("zh-hans"):
        assert {text for text in texts if gettext(text) == text} == set()
    assert len(texts) > 60


@pytest.mark.parametrize("count", [1, 25])
def test_the_counted_sentence_of_the_search_is_translated(count: int) -> None:
    source = (Path(unfold.__path__[0]) / "templates/unfold/helpers/command_results.html").read_text(
        encoding="utf-8"
    )
    sentence = re.search(r"{% blocktranslate count counter.*?endblocktranslate %}", source, re.S)
    assert sentence is not None
    template = Template("{% load i18n humanize %}" + sentence[0])
    page = {"page_obj": {"count": count}, "execution_time": 0.5}
    with override("zh-hans"):
        assert template.render(Context(page)).strip() == f"找到 {count} 条结果，用时 0.50 秒"
