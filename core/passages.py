"""Sentences under a heading: how rules, and what a checker agrees to, are said in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from core.clock import TIME_ZONE


@dataclass(frozen=True, slots=True)
class Passage:
    """Sentences in the reader's order under a heading, both in one language.

    ``key`` names what they are about, e.g. ``batches.b1``, the same in every version and language.
    """

    key: str
    title: str
    lines: tuple[str, ...]

    def text(self) -> str:
        """Return heading and sentences as one line."""
        return _("%(title)s：%(lines)s") % {
            "title": self.title,
            "lines": _("；").join(self.lines),
        }


def english() -> bool:
    """Tell whether the reader's language is English; every other one is answered in Chinese."""
    return (get_language() or "").startswith("en")


def joined(words: Iterable[str]) -> str:
    """Join the members of a list: 餐饮、住宿."""
    return _("、").join(words)


def moment_words(moment: datetime) -> str:
    """Write a moment in the local zone to the minute: 2026-03-06 08:00."""
    return moment.astimezone(TIME_ZONE).strftime("%Y-%m-%d %H:%M")
