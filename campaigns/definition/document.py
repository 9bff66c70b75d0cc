"""The whole document: from plain values to typed ones and back to its one canonical form."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from campaigns.definition.checks import document_problems, spec_problems
from campaigns.definition.model import CampaignSpec
from campaigns.definition.plain import spec_plain
from campaigns.definition.registry import Problem, UnitBudget, sections
from campaigns.definition.schema import schema_problems
from campaigns.definition.texts import lines_normal, text_problems
from campaigns.definition.words import campaign_checked_words, own_lines
from campaigns.errors import DefinitionInvalidError
from core.passages import Passage


@dataclass(frozen=True, slots=True)
class Definition:
    """A document that passed every check that needs no row of its campaign."""

    spec: CampaignSpec
    values: Mapping[str, Any]
    """Section name → typed, normalised value."""

    def document(self) -> dict[str, Any]:
        """Return the canonical form: what is stored, hashed and exported."""
        content: dict[str, Any] = spec_plain(self.spec)
        for name, value in self.values.items():
            content[name] = spec_plain(value)
        return content

    def budgets(self) -> list[UnitBudget]:
        """Return every unit that money is allocated to."""
        return [
            unit
            for section in sections()
            for unit in section.budgets(self.spec, self.values[section.name])
        ]

    def rules_words(self, now: datetime | None = None) -> list[Passage]:
        """Return the rules as citizens read them, with ``now`` also what comes next."""
        return [
            passage
            for section in sections()
            for passage in section.rules_words(self.spec, self.values[section.name], now)
        ]

    def rules_text(self) -> list[str]:
        """Return the same one line per unit, after the campaign's own text."""
        return [*own_lines(self.spec), *(passage.text() for passage in self.rules_words())]

    def till_words(self) -> list[Passage]:
        """Return the rules as cashiers read them."""
        return [
            passage
            for section in sections()
            for passage in section.till_words(self.spec, self.values[section.name])
        ]

    def checked_words(self) -> list[Passage]:
        """Return everything that is approved, in words."""
        return [
            *campaign_checked_words(self.spec),
            *(
                passage
                for section in sections()
                for passage in section.checked_words(self.spec, self.values[section.name])
            ),
        ]

    def signed(self) -> list[str]:
        """Return, in words, what the director has to sign whatever the amount."""
        return [
            line
            for section in sections()
            for line in section.signed(self.spec, self.values[section.name])
        ]

    def not_ready(self) -> list[Problem]:
        """Return what the platform cannot carry out yet."""
        return [
            problem
            for section in sections()
            for problem in section.not_ready(self.spec, self.values[section.name])
        ]


def definition_build(plain: object) -> Definition:
    """Turn a plain document into its typed form, checked.

    Raises:
        DefinitionInvalidError: names every path that is wrong, with the reason in words.
    """
    _raise(schema_problems(plain))
    _raise(list(text_problems(plain)))
    content = dict(plain) if isinstance(plain, Mapping) else {}
    try:
        written = {
            section.name: msgspec.convert(content.pop(section.name), section.spec_type)
            for section in sections()
        }
        spec = msgspec.convert(content, CampaignSpec)
    except msgspec.ValidationError as error:
        reason, _sep, path = str(error).partition(" - at ")
        raise DefinitionInvalidError.one(path.strip("`") or "$", reason) from error
    spec = msgspec.structs.replace(spec, rules_text=lines_normal(spec.rules_text))
    known = {section.name: section for section in sections()}
    problems = spec_problems(spec)
    problems += [
        problem for name, value in written.items() for problem in known[name].check(spec, value)
    ]
    _raise(problems)
    definition = Definition(
        spec, {name: known[name].normalise(spec, value) for name, value in written.items()}
    )
    _raise(document_problems(spec, definition.budgets(), definition.document()))
    return definition


def definition_stored(document: Mapping[str, Any]) -> Definition:
    """Read a canonical document that was stored; it passed its checks when it was saved."""
    content = dict(document)
    values = {
        section.name: msgspec.convert(content.pop(section.name), section.spec_type)
        for section in sections()
    }
    return Definition(msgspec.convert(content, CampaignSpec), values)


def documents_equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two stored documents say the same, whatever fields there were when saved."""
    return definition_stored(one).document() == definition_stored(other).document()


def _raise(problems: list[Problem]) -> None:
    if problems:
        raise DefinitionInvalidError.listed((one.path, one.reason) for one in problems)
