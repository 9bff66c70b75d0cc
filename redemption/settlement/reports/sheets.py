"""A sheet for people: title, 口径, table, control totals; as XLSX and as CSV, both streamed.

Ids stay text, amounts are numbers in yuan with two decimals, nothing is taken for a formula. In
CSV every line that is not the table begins with ``#``.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import IO, Any

import cn2an
import xlsxwriter

from core.clock import TIME_ZONE
from core.money import yuan_text
from core.tabular import BOM, FORMULA_STARTS, Column, cell_text

CHUNK_ROWS = 1_000
OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table with its heading lines; ``rows`` is read once.

    Integers under a fen column are fen. ``summed`` names further columns of integers that are
    added up; fen columns always are, unless the rows are no parts of a whole (``has_totals``).
    ``capitals`` names the fen column whose total is written in
    capitals (大写).
    """

    name: str
    title: str
    notes: Sequence[str]
    columns: Sequence[Column]
    rows: Iterable[Sequence[Any]]
    summed: frozenset[str] = frozenset()
    capitals: str = ""
    has_totals: bool = True


@dataclass(slots=True)
class Totals:
    """Control totals of a written sheet: rows, and sums by column title (fen, or counts)."""

    rows: int = 0
    sums: dict[str, int] = field(default_factory=dict)

    def add(self, sheet: Sheet, row: Sequence[Any]) -> None:
        """Count a row."""
        self.rows += 1
        for column, value in zip(sheet.columns, row, strict=True):
            if sheet.has_totals and _is_summed(sheet, column):
                self.sums[column.title] = self.sums.get(column.title, 0) + (value or 0)

    def line(self, sheet: Sheet) -> list[Any]:
        """Return the totals in the order of the columns, the first cell naming them."""
        cells: list[Any] = [
            self.sums.get(column.title, 0) if _is_summed(sheet, column) else ""
            for column in sheet.columns
        ]
        if cells[0] == "":
            cells[0] = "合计"
        return cells


def xlsx_sheets_write(target: IO[bytes], sheets: Sequence[Sheet], *, now: datetime) -> list[Totals]:
    """Write a workbook, one page per sheet; returns the control totals of each."""
    book = xlsxwriter.Workbook(target, OPTIONS)
    # A file of the same content has the same bytes: no hidden time of writing.
    book.set_properties({"created": now.astimezone(TIME_ZONE).replace(tzinfo=None)})
    formats = {
        "title": book.add_format({"bold": True, "font_size": 14}),
        "head": book.add_format({"bold": True, "bg_color": "#EEF2F7", "text_wrap": True}),
        "yuan": book.add_format({"num_format": "#,##0.00"}),
        "total": book.add_format({"bold": True}),
        "total_yuan": book.add_format({"bold": True, "num_format": "#,##0.00"}),
    }
    totals = [_page_write(book, sheet, formats) for sheet in sheets]
    book.close()
    return totals


def csv_sheet_chunks(sheet: Sheet, totals: Totals) -> Iterator[bytes]:
    """Give a sheet as UTF-8 CSV with byte-order mark; ``totals`` is filled on the way."""
    buffer = io.StringIO()
    buffer.write(BOM)
    writer = csv.writer(buffer)
    for line in (sheet.title, *sheet.notes):
        writer.writerow([f"#{line}"])
    writer.writerow([column.title for column in sheet.columns])
    for row in sheet.rows:
        totals.add(sheet, row)
        writer.writerow(
            [csv_cell(value, one) for value, one in zip(row, sheet.columns, strict=True)]
        )
        if totals.rows % CHUNK_ROWS == 0:
            yield _drained(buffer)
    if sheet.has_totals:
        first, *rest = _csv_cells(sheet, totals.line(sheet))
        writer.writerow([f"#{first}", *rest])
    writer.writerow([f"#笔数：{totals.rows}"])
    if sheet.capitals:
        writer.writerow([f"#{sheet.capitals}大写：{capitals(totals.sums.get(sheet.capitals, 0))}"])
    yield _drained(buffer)


def capitals(fen: int) -> str:
    """Write an amount in capitals (人民币大写)."""
    return str(cn2an.an2cn(yuan_text(fen), "rmb"))


def csv_cell(value: Any, column: Column) -> str:
    """Write a cell; text that a spreadsheet takes for a formula gets an apostrophe in front."""
    if value is None:
        return ""
    if column.is_fen and isinstance(value, int):
        return yuan_text(value)
    text = cell_text(value)
    if text.startswith(FORMULA_STARTS) and not isinstance(value, int | Decimal):
        return "'" + text
    return text


def _csv_cells(sheet: Sheet, row: Sequence[Any]) -> list[str]:
    return [csv_cell(value, column) for value, column in zip(row, sheet.columns, strict=True)]


def _page_write(book: Any, sheet: Sheet, formats: dict[str, Any]) -> Totals:
    page = book.add_worksheet(sheet.name[:31])
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    for index, column in enumerate(sheet.columns):
        page.set_column(index, index, column.width)
    page.write_string(0, 0, sheet.title, formats["title"])
    line = 1
    for note in sheet.notes:
        page.write_string(line, 0, note)
        line += 1
    for index, column in enumerate(sheet.columns):
        page.write_string(line, index, column.title, formats["head"])
    page.freeze_panes(line + 1, 0)
    totals = Totals()
    for row in sheet.rows:
        totals.add(sheet, row)
        line += 1
        _cells_write(page, line, sheet, row, (formats["yuan"], None))
    line += 1
    if sheet.has_totals:
        styles = formats["total_yuan"], formats["total"]
        _cells_write(page, line, sheet, totals.line(sheet), styles)
    page.write_string(line + 1, 0, f"笔数：{totals.rows}")
    if sheet.capitals:
        amount = capitals(totals.sums.get(sheet.capitals, 0))
        page.write_string(line + 2, 0, f"{sheet.capitals}大写：{amount}")
    return totals


def _cells_write(
    page: Any, line: int, sheet: Sheet, row: Sequence[Any], styles: tuple[Any, Any]
) -> None:
    yuan, plain = styles
    for index, (value, column) in enumerate(zip(row, sheet.columns, strict=True)):
        if value is None or value == "":
            continue
        if column.is_fen and isinstance(value, int):
            page.write_number(line, index, Decimal(value) / 100, yuan)
        elif isinstance(value, int | Decimal) and not isinstance(value, bool):
            page.write_number(line, index, value, plain)
        else:
            page.write_string(line, index, cell_text(value), plain)


def _is_summed(sheet: Sheet, column: Column) -> bool:
    return column.is_fen or column.title in sheet.summed


def _drained(buffer: io.StringIO) -> bytes:
    data = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return data
