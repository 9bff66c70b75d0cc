"""Bounds of a list of an audience and of the work on it."""

from datetime import timedelta
from typing import Final

CHUNK_ROWS: Final = 2_000
"""People found in one transaction: who enrols meanwhile with one of these numbers waits for it."""
MOST_DAYS: Final = 3_660
IN_FORCE_AFTER: Final = timedelta(minutes=1)
"""From its approval on; longer than an approval takes to commit, so that the times of list and
claim alone tell which list a claim was decided by (docs/decisions/audiences.md)."""
