"""Which county a cell of the region column means: a GB/T 2260 code or a name, inside a scope."""

from collections.abc import Iterable

from core.access.models import Region
from core.access.region_codes import region_chain, subtree_contains

_SUFFIXES = ("壮族自治区", "维吾尔自治区", "回族自治区", "自治区", "特别行政区", "省", "市")


class RegionFinder:
    """Codes and names of all divisions, read once per import.

    A store stands in a county, or in a city that has none (东莞, 嘉峪关): only such leaves match.
    """

    def __init__(self, regions: Iterable[Region]) -> None:
        """Take all regions."""
        rows = list(regions)
        self.names = {row.code: row.name for row in rows}
        inner = {row.parent_id for row in rows if row.parent_id}
        self.leaves = {row.code for row in rows if row.code not in inner}
        self._paths: dict[str, set[str]] = {}
        for code in self.leaves:
            for path in self._spellings(code):
                self._paths.setdefault(path, set()).add(code)

    @classmethod
    def load(cls) -> "RegionFinder":
        """Read the region table."""
        return cls(Region.objects.all())

    def find(self, text: str, within: Iterable[str]) -> str | None:
        """Return the one leaf the text means inside all of ``within``; None: none or several."""
        bounds = list(within)
        if text in self.names:
            codes = {text} & self.leaves
        else:
            codes = self._paths.get("".join(text.split()), set())
        inside = [code for code in codes if all(subtree_contains(root, code) for root in bounds)]
        return inside[0] if len(inside) == 1 else None

    def is_known(self, text: str) -> bool:
        """Tell whether the text is any code or name, to explain why it was not taken."""
        return text in self.names or "".join(text.split()) in self._paths

    def is_above(self, text: str) -> bool:
        """Tell whether the text is the code of a division that has others below it."""
        return text in self.names and text not in self.leaves

    def _spellings(self, code: str) -> set[str]:
        """Return county, city+county and province+city+county, with and without 省/市 suffixes."""
        chain = [self.names[above] for above in region_chain(code) if above in self.names]
        spelt = {chain[-1]}
        for start in range(len(chain) - 1):
            spelt.add("".join(chain[start:]))
            spelt.add("".join([*map(_short, chain[start:-1]), chain[-1]]))
        return spelt


def _short(name: str) -> str:
    for suffix in _SUFFIXES:
        if name.endswith(suffix) and len(name) > len(suffix) + 1:
            return name.removesuffix(suffix)
    return name
