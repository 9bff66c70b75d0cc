"""Tables as files that open in Chinese Excel: ids as text, amounts as numbers, no formulas.

Both writers stream: rows come from an iterator, memory stays constant.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import IO, Any

import xlsxwriter

from core.clock import TIME_ZONE
from core.money import yuan_text

BOM = "\ufeff"
CHUNK_ROWS = 1_000
EXACT_NUMBER_LIMIT = 10**15
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, whether its integers are fen to be shown in yuan, its width."""

    title: str
    is_fen: bool = False
    width: int = 18


def csv_chunks(columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Give a UTF-8 CSV with byte-order mark in chunks.

    Text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    buffer = io.StringIO()
    buffer.write(BOM)
    writer = csv.writer(buffer)
    writer.writerow([column.title for column in columns])
    for number, row in enumerate(rows, start=1):
        writer.writerow(
            [_csv_cell(value, column) for value, column in zip(row, columns, strict=True)]
        )
        if number % CHUNK_ROWS == 0:
            yield _drained(buffer)
    yield _drained(buffer)


def xlsx_write(
    target: IO[bytes], *, sheet: str, columns: Sequence[Column], rows: Iterable[Sequence[Any]]
) -> int:
    """Write one sheet with a frozen heading to ``target``; returns the number of data rows.

    Strings stay text (no formula, no link, no number guessing); fen become numbers in yuan.
    """
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "nan_inf_to_errors": False,
    }
    book = xlsxwriter.Workbook(target, options)
    page = book.add_worksheet(sheet[:31])
    bold, yuan = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.00"})
    page.freeze_panes(1, 0)
    for index, column in enumerate(columns):
        page.set_column(index, index, column.width)
        page.write_string(0, index, column.title, bold)
    count = 0
    for count, row in enumerate(rows, start=1):
        for index, (value, column) in enumerate(zip(row, columns, strict=True)):
            if value is None or value == "":
                continue
            if column.is_fen:
                page.write_number(count, index, value / 100, yuan)
            elif _is_number(value):
                page.write_number(count, index, value)
            else:
                page.write_string(count, index, cell_text(value))
    book.close()
    return count


def cell_text(value: Any) -> str:
    """Write a value for a reader: 是/否 for booleans, times in Asia/Shanghai to the second."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        return value.astimezone(TIME_ZONE).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


def _is_number(value: Any) -> bool:
    """Numbers a spreadsheet keeps exactly; a longer one is an id and stays text."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return False
    return -EXACT_NUMBER_LIMIT < value < EXACT_NUMBER_LIMIT


def _csv_cell(value: Any, column: Column) -> str:
    if column.is_fen and value is not None:
        return yuan_text(value)
    text = cell_text(value)
    if text.startswith(FORMULA_STARTS) and not isinstance(value, int | Decimal):
        return "'" + text
    return text


def _drained(buffer: io.StringIO) -> bytes:
    data = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return data
