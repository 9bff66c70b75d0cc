"""Bounds of a list and of the work on it."""

from typing import Final

FILE_BYTES: Final = 64 << 20
ROWS: Final = 2_000_000
"""Of a CSV; a workbook holds at most `merchants.imports.limits.ROWS`."""
GIVEN_CHARS: Final = 64
"""What a channel may call an account."""
CHUNK_ROWS: Final = 1_000
"""People decided in one call: accounts are never held for more than 2,000 facts, and citizens who
claim from the same batch meanwhile wait about a tenth of a second."""
