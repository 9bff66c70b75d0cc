"""The one list of codes (api.md, Codes): API, documentation, till text and hotline script use it.

A code is never renamed. A new one is a line in the file of its family.
"""

from collections.abc import Mapping
from types import MappingProxyType

from core.errors.catalogue.campaigns import CAMPAIGN_CODES
from core.errors.catalogue.claims import CLAIM_CODES
from core.errors.catalogue.general import GENERAL_CODES
from core.errors.catalogue.merchants import MERCHANT_CODES
from core.errors.catalogue.persons import PERSON_CODES
from core.errors.catalogue.redemptions import REDEMPTION_CODES
from core.errors.catalogue.settlement import SETTLEMENT_CODES
from core.errors.catalogue.staff import STAFF_CODES
from core.errors.code_text import CodeText


def _indexed(*families: tuple[CodeText, ...]) -> Mapping[str, CodeText]:
    index: dict[str, CodeText] = {}
    for line in (line for family in families for line in family):
        if line.code in index:
            raise ValueError(f"code listed twice: {line.code}")
        index[line.code] = line
    return MappingProxyType(index)


CATALOGUE = _indexed(
    GENERAL_CODES,
    PERSON_CODES,
    CLAIM_CODES,
    REDEMPTION_CODES,
    MERCHANT_CODES,
    CAMPAIGN_CODES,
    SETTLEMENT_CODES,
    STAFF_CODES,
)

__all__ = ["CATALOGUE", "CodeText"]
