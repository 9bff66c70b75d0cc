"""The documents say what there is: links lead somewhere, named commands and checks exist."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from django.core.management import get_commands

from config.cli.__main__ import COMMANDS
from core.embedded.paths import CHECKOUT
from core.invariants.registry import checks

PAGES = sorted(
    [
        *CHECKOUT.glob("*.md"),
        *(CHECKOUT / "docs").rglob("*.md"),
        *(CHECKOUT / "deploy").rglob("*.md"),
    ]
)
SHELL_COMMANDS = {"lock", "help"}
"""Sub-commands that the shell part of `run` answers, or that only print."""

LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
RUN = re.compile(r"\./run ([a-z]+)")
MANAGE = re.compile(r"(?:manage\.py|\./run manage) ([a-z][a-z_]+)")


def page_names(page: Path) -> str:
    return str(page.relative_to(CHECKOUT))


@pytest.fixture(params=PAGES, ids=page_names)
def page(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_links_lead_somewhere(page: Path) -> None:
    broken = [link for link in _links(page) if not _leads_somewhere(page, link)]
    assert broken == []


def test_named_commands_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    unknown = [name for name in RUN.findall(text) if name not in COMMANDS.keys() | SHELL_COMMANDS]
    unknown += [name for name in MANAGE.findall(text) if name not in get_commands()]
    assert unknown == []


def test_readme_names_every_subcommand() -> None:
    for name in ("README.md", "README.zh-CN.md"):
        named = set(RUN.findall((CHECKOUT / name).read_text(encoding="utf-8")))
        assert COMMANDS.keys() | {"lock"} <= named, name


def test_architecture_lists_every_invariant_with_its_title() -> None:
    text = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| (.+) \|$", _invariants(text), re.M))
    assert listed == {check.name: check.title_zh for check in checks()}


def test_every_decision_is_indexed() -> None:
    folder = CHECKOUT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    records = {path.name for path in folder.glob("*.md")} - {"README.md"}
    assert records == set(re.findall(r"\]\(([\w-]+\.md)\)", index))


def _links(page: Path) -> Iterator[str]:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    for link in LINK.findall(text):
        if not re.match(r"[a-z]+:", link):
            yield link


def _leads_somewhere(page: Path, link: str) -> bool:
    name, _, anchor = unquote(link).partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.exists() or CHECKOUT not in target.parents:
        return False
    if not anchor or target.suffix != ".md":
        return True
    return anchor in {_anchor(title) for title in HEADING.findall(target.read_text("utf-8"))}


def _anchor(title: str) -> str:
    """Spell a heading as GitHub's anchors do."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def _invariants(text: str) -> str:
    return text.partition("<!-- invariants: begin -->")[2].partition("<!-- invariants: end -->")[0]
