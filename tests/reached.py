"""pytest plugin: every code of the catalogue, for clients of the API and for staff, is reached.

While tests run, it notes which codes the project's own code says, in a `Refusal` or a
`DomainError`; what a test makes by itself does not count. A run of the whole suite fails if a code
was never said: either a test is missing, or nothing says the code any more.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import CATALOGUE
from core.errors.base import DomainError, Refusal

TESTS = str(Path(__file__).parent)
SEEN = pytest.StashKey[set[str]]()
OUTPUT = "codes_reached"
NOT_YET: frozenset[str] = frozenset()
"""Codes of the contract whose rules are not carried out yet; one that is said leaves this list."""


def _noted(original: Callable[..., None], depth: int, seen: set[str]) -> Callable[..., None]:
    """Return the initialiser of an error that notes its code, unless a test called it."""

    def initialise(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if not sys._getframe(depth).f_code.co_filename.startswith(TESTS):
            seen.add(self.code)

    return initialise


def pytest_configure(config: pytest.Config) -> None:
    """Begin to listen."""
    seen = config.stash[SEEN] = set()
    # A dataclass calls it from its own initialiser.
    Refusal.__post_init__ = _noted(Refusal.__post_init__, 2, seen)  # type: ignore[method-assign]
    DomainError.__init__ = _noted(DomainError.__init__, 1, seen)  # type: ignore[method-assign]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker heard."""
    node.config.stash[SEEN].update(getattr(node, "workeroutput", {}).get(OUTPUT, ()))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Tell what was heard; fail a whole run that leaves a code out."""
    seen = session.config.stash[SEEN]
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[OUTPUT] = sorted(seen)
    elif exitstatus == pytest.ExitCode.OK and _is_whole(session.config) and _missing(seen):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Name the codes that no test reached."""
    missing = _missing(config.stash[SEEN])
    if _is_whole(config) and missing:
        terminalreporter.section("codes that no test reaches, or that are reached and NOT_YET")
        terminalreporter.write_line(" ".join(missing))


def _missing(seen: set[str]) -> list[str]:
    """Return the codes that should be said and are not, and those that are and should not be."""
    return sorted((CATALOGUE.keys() - seen) ^ NOT_YET)


def _is_whole(config: pytest.Config) -> bool:
    """Tell whether every test was asked for."""
    asked = config.option
    chosen = asked.keyword or asked.markexpr or asked.lf or asked.deselect or asked.ignore
    played = not (asked.collectonly or asked.setupplan or asked.setuponly or asked.stepwise)
    return played and not chosen and config.args == config.getini("testpaths")
