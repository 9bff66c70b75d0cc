"""Upper bounds of an imported file; more is refused before it can cost memory or time."""

from typing import Final

FILE_BYTES: Final = 20 * 1024 * 1024
UNPACKED_BYTES: Final = 160 * 1024 * 1024
"""All parts of a workbook together, as declared and as found."""
PARTS: Final = 300
RATIO: Final = 200
"""Unpacked to packed, of parts above `RATIO_FROM_BYTES`; spreadsheets stay below 30."""
RATIO_FROM_BYTES: Final = 4 * 1024 * 1024
ROWS: Final = 60_000
COLUMNS: Final = 60
CELL_CHARS: Final = 1_000
LINE_BYTES: Final = 64 * 1024
FORMULA_CELLS: Final = 1_000
"""Formula cells that are reported one by one; the scan stops there."""
EXACT_INTEGER: Final = 10**15
"""Spreadsheets keep 15 digits of a number; a longer id stored as a number is damaged."""
