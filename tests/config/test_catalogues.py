"""Both catalogues are compiled as they are written, and English knows every name of the rooms."""

import ast
import gettext
import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.utils.translation import override

from config.admin_menu import MENU
from tests.factories.world import APPS, project_models

CHINESE = re.compile("[\u4e00-\u9fff]")
LOCALE = Path(settings.LOCALE_PATHS[0])


def written(path: Path) -> dict[str, list[str]]:
    """Read a catalogue's source: the message, and its translations by number."""
    entries: dict[str, list[str]] = {}
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        parts: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            keyword, _space, rest = line.partition(" ")
            if not line.startswith('"'):
                name, parts[keyword] = keyword, ""
            parts[name] += ast.literal_eval(rest if not line.startswith('"') else line)
        if parts.get("msgid"):
            entries[parts["msgid"]] = [
                text for key, text in parts.items() if key.startswith("msgstr")
            ]
    return entries


def compiled(language: str) -> gettext.GNUTranslations:
    path = LOCALE / language / "LC_MESSAGES" / "django.mo"
    with path.open("rb") as file:
        return gettext.GNUTranslations(file)


@pytest.mark.parametrize("language", ["en", "zh_Hans"])
def test_the_compiled_catalogue_is_the_written_one(language: str) -> None:
    entries = written(LOCALE / language / "LC_MESSAGES" / "django.po")
    binary = compiled(language)
    assert len(entries) > 50
    for message, texts in entries.items():
        assert all(texts), message
        if len(texts) == 1 and language == "en":
            assert binary.gettext(message) == texts[0], message
        else:
            assert binary.gettext(message) in {*texts, message}, message


def names() -> set[str]:
    """Return what names the things of the rooms: models, states, actions, menu."""
    found = {str(apps.get_app_config(app).verbose_name) for app in APPS}
    found |= {str(title) for title, _entries in MENU}
    for model in project_models():
        found |= {str(model._meta.verbose_name), str(model._meta.verbose_name_plural)}
        for field in model._meta.get_fields():
            found |= {str(label) for _value, label in getattr(field, "flatchoices", None) or ()}
        page = admin.site._registry.get(model)
        for kind in ("actions_detail", "actions_list", "actions_row"):
            actions = getattr(page, kind, None) or ()
            for one in (action for action in actions if isinstance(action, str)):
                found.add(str(getattr(getattr(page, one), "short_description", "")))
    return {name for name in found if CHINESE.search(name)}


def test_english_knows_every_name() -> None:
    with override("zh-hans"):
        wanted = names()
    binary = compiled("en")
    assert len(wanted) > 300
    assert {name for name in wanted if binary.gettext(name) == name} == set()
    translated = {binary.gettext(name) for name in wanted}
    assert {name for name in translated if CHINESE.search(name)} == set()


def words_of(path: Path) -> set[str]:
    """Return the Chinese texts that a module gives to gettext."""
    calls = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_"
    ]
    texts = {call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)}
    return {text for text in texts if isinstance(text, str) and CHINESE.search(text)}


def test_english_knows_every_word_of_the_api() -> None:
    root = Path(settings.BASE_DIR)
    modules = [path for app in APPS for path in (root / app).glob("api/**/*.py")]
    modules += [root / "core" / "pii.py", root / "core" / "access" / "idempotency.py"]
    modules += (root / "core" / "errors").glob("*.py")
    wanted = set().union(*map(words_of, modules))
    binary = compiled("en")
    assert len(wanted) > 40
    assert {text for text in wanted if binary.gettext(text) == text} == set()
