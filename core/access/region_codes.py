"""Region codes of GB/T 2260: a subtree is a range of codes (architecture.md, Region scope)."""

from functools import lru_cache
from typing import Final

CODE_LENGTH: Final = 6


def region_prefix(code: str) -> str:
    """Return the digits all codes of the subtree share: 2 (province), 4 (city) or 6 (county)."""
    if code.endswith("0000"):
        return code[:2]
    if code.endswith("00"):
        return code[:4]
    return code


def subtree_range(code: str) -> tuple[str, str]:
    """Return the first and the last code of a subtree: ``450100`` → ``450100``, ``450199``."""
    prefix = region_prefix(code)
    missing = CODE_LENGTH - len(prefix)
    return prefix + "0" * missing, prefix + "9" * missing


def subtree_contains(root: str, code: str) -> bool:
    """Tell whether ``code`` is ``root`` or lies below it; an empty code lies nowhere."""
    return len(code) == CODE_LENGTH and code.startswith(region_prefix(root))


def regions_overlap(one: str, other: str) -> bool:
    """Tell whether one of two subtrees contains the other."""
    return subtree_contains(one, other) or subtree_contains(other, one)


@lru_cache(maxsize=4_096)
def any_contains(regions: tuple[str, ...], code: str) -> bool:
    """Tell whether ``code`` lies in one of some subtrees."""
    return any(subtree_contains(one, code) for one in regions)


@lru_cache(maxsize=4_096)
def any_overlaps(regions: tuple[str, ...], region: str) -> bool:
    """Tell whether one of some subtrees and another one overlap."""
    return any(regions_overlap(one, region) for one in regions)


def region_chain(code: str) -> list[str]:
    """Return province, city and county of a code, from the top down to itself."""
    chain = [f"{code[:2]}0000", f"{code[:4]}00", code]
    return list(dict.fromkeys(chain[: len(region_prefix(code)) // 2]))
