"""The administrative divisions of GB/T 2260 (data/regions.csv; provenance in data/NOTICE)."""

import csv
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from django.apps.registry import Apps

from core.access.region_codes import region_chain

DATA = Path(__file__).parent / "data" / "regions.csv"
LEVELS = ("PROVINCE", "CITY", "COUNTY")


def regions_read() -> list[tuple[str, str, str, str | None]]:
    """Return (code, name, level, parent code) of every division, parents first."""
    with DATA.open(encoding="utf-8", newline="") as file:
        named = {row["code"]: row["name"] for row in csv.DictReader(file)}
    rows = []
    for code, name in named.items():
        chain = region_chain(code)
        # Municipalities have no row between province and county for some counties.
        parents = [above for above in chain[:-1] if above in named]
        rows.append((code, name, LEVELS[len(chain) - 1], parents[-1] if parents else None))
    return sorted(rows, key=lambda row: (LEVELS.index(row[2]), row[0]))


def regions_load(connection_alias: str, apps: Apps) -> int:
    """Insert or rename all divisions; returns their number. Running it again changes nothing.

    ``apps`` is the migration's registry, or `django.apps.apps`.
    """
    region = apps.get_model("core", "Region")
    rows = [
        region(code=code, name=name, level=level, parent_id=parent)
        for code, name, level, parent in regions_read()
    ]
    region._default_manager.using(connection_alias).bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=["name", "level", "parent_id"],
        batch_size=1000,
    )
    return len(rows)


def region_names(codes: Iterable[str]) -> dict[str, str]:
    """Return the names of those codes that are divisions; reads the file once per process."""
    names = _names()
    return {code: names[code] for code in codes if code in names}


@cache
def _names() -> dict[str, str]:
    return {code: name for code, name, _level, _parent in regions_read()}
