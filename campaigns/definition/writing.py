"""Write a document as a file, and a definition at another size."""

import json
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from typing import Any, Literal

import msgspec
import yaml

from campaigns.definition.document import Definition, definition_build
from campaigns.definition.registry import sections

Format = Literal["yaml", "json"]


def definition_write(document: dict[str, Any], form: Format) -> str:
    """Spell a document as a YAML or JSON file; reading it back gives the same canonical form."""
    if form == "json":
        return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    return str(
        yaml.safe_dump(document, allow_unicode=True, sort_keys=False, default_flow_style=False)
    )


def definition_scaled(definition: Definition, factor: Fraction) -> Definition:
    """Return the same programme at another size, e.g. a hundredth for a short rehearsal.

    Units and releases are scaled by running totals, so sums stay sums; every funder's quota is
    what the scaled batches need plus its scaled reserve.

    Raises:
        DefinitionInvalidError: a batch would have no unit left.
    """
    values = {
        section.name: section.scale(definition.spec, definition.values[section.name], factor)
        for section in sections()
    }
    scaled = replace(definition, values=values)
    before, after = _totals(definition), _totals(scaled)
    funders = tuple(
        msgspec.structs.replace(
            funder,
            quota_fen=after[funder.code] + int((funder.quota_fen - before[funder.code]) * factor),
        )
        for funder in definition.spec.funders
    )
    spec = msgspec.structs.replace(definition.spec, funders=funders)
    return definition_build(replace(scaled, spec=spec).document())


def _totals(definition: Definition) -> Counter[str]:
    totals: Counter[str] = Counter()
    for unit in definition.budgets():
        totals.update(unit.budget)
    return totals
