"""Sections of the campaign document that upper rooms own; registered when their app is ready."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from campaigns.definition.model import CampaignSpec
from campaigns.models import Campaign, Version
from core.passages import Passage


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a document: where (``batches[2].funders.bank``) and why, in words."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnitBudget:
    """A unit of the section that money is allocated to, by funder code in fen.

    ``needed`` is what its face × units asks of each funder, ``budget`` what it is given;
    ``path`` names the unit in the document.
    """

    code: str
    path: str
    needed: Mapping[str, int]
    budget: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the document.

    ``spec_type`` gives the JSON Schema; ``normalise`` turns the value as written into its canonical
    form; ``check`` finds what is wrong in itself, ``check_change`` what cannot follow on the rows
    there are, ``check_past`` what is over already when it is submitted; ``budgets`` lists the
    units; ``scale`` gives the same section at another size; ``apply`` writes the rows of a version
    and returns unit code → ledger unit; ``export`` reads them back as the section's plain value.
    Three say it in words, unit by unit: ``rules_words`` to citizens (with a moment: also what comes
    next), ``till_words`` to cashiers, ``checked_words`` everything that is approved. ``signed``
    lists, in words, what the director has to sign whatever the amount; ``not_ready`` what the
    platform cannot carry out yet, so that the campaign does not go live.
    """

    name: str
    spec_type: Any
    normalise: Callable[[CampaignSpec, Any], Any]
    check: Callable[[CampaignSpec, Any], Iterable[Problem]]
    check_change: Callable[[CampaignSpec, Any, Campaign], Iterable[Problem]]
    check_past: Callable[[CampaignSpec, Any, Campaign, datetime], Iterable[Problem]]
    budgets: Callable[[CampaignSpec, Any], list[UnitBudget]]
    scale: Callable[[CampaignSpec, Any, Fraction], Any]
    apply: Callable[[CampaignSpec, Any, Version, Mapping[str, UUID], datetime], dict[str, UUID]]
    export: Callable[[Campaign], Any]
    rules_words: Callable[[CampaignSpec, Any, datetime | None], list[Passage]]
    till_words: Callable[[CampaignSpec, Any], list[Passage]]
    checked_words: Callable[[CampaignSpec, Any], list[Passage]]
    signed: Callable[[CampaignSpec, Any], list[str]]
    not_ready: Callable[[CampaignSpec, Any], list[Problem]]


_sections: dict[str, Section] = {}


def section_register(section: Section) -> None:
    """Register a section.

    Raises:
        ValueError: another one has the name, or the campaign's own fields do.
    """
    if section.name in CampaignSpec.__struct_fields__:
        raise ValueError(f"a field of the campaign itself: {section.name}")
    if _sections.setdefault(section.name, section) != section:
        raise ValueError(f"section registered twice: {section.name}")


def sections() -> tuple[Section, ...]:
    """Return every registered section, by name."""
    return tuple(_sections[name] for name in sorted(_sections))
