"""Prefixes of this room's public ids."""

from typing import Final

PERSON: Final = "per"
BATCH: Final = "bat"
CLAIM: Final = "clm"
VOUCHER: Final = "vch"
