"""The names of the codes that rules are written in."""

from collections.abc import Mapping
from dataclasses import dataclass, field

NAMED_STORES = 5
"""So many stores of a long list are named in words; the rest are only counted."""

NAMED_GOODS = 8
"""So many goods of a long list are named."""


@dataclass(frozen=True, slots=True)
class ScopeNames:
    """Code → name, in the reader's language; a code without a name is shown itself."""

    regions: Mapping[str, str] = field(default_factory=dict)
    industries: Mapping[str, str] = field(default_factory=dict)
    tiers: Mapping[str, str] = field(default_factory=dict)
    stores: Mapping[str, str] = field(default_factory=dict)
    """At least of the first `NAMED_STORES` of each list."""
    brands: Mapping[str, str] = field(default_factory=dict)
