"""Merchant category codes (商户类别码) and the industry a report puts each of them in.

The list in ``data/mcc.csv`` is that of ISO 18245 (GB/T 20548), with the codes Chinese acquirers
use beside it; 3000–3999 belong to airlines, car rental and hotel chains. Which industry a code
counts as follows the seven industries of the reports (domain-rules §11).
"""

import csv
from functools import cache
from pathlib import Path

from merchants.models import Merchant

_FILE = Path(__file__).parent / "data" / "mcc.csv"
_CHAINS = range(3000, 4000)
_HOTEL_CHAINS = range(3501, 4000)


@cache
def mcc_industries() -> dict[str, str]:
    """Return the industry of every listed code."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        return {row["mcc"]: row["industry"] for row in csv.DictReader(file)}


def industry_of(mcc: str) -> str | None:
    """Return the industry of a code, or None if there is no such code."""
    listed = mcc_industries().get(mcc)
    if listed is not None:
        return listed
    if len(mcc) == 4 and mcc.isascii() and mcc.isdigit() and int(mcc) in _CHAINS:
        industry = Merchant.Industry
        return str(industry.LODGING if int(mcc) in _HOTEL_CHAINS else industry.OTHER)
    return None
