"""Rows of a workbook's first sheet, read with calamine after `xlsx_guard` has looked through it."""

import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from xml.parsers import expat

from django.utils.translation import gettext as _
from python_calamine import CalamineError, CalamineWorkbook

from merchants.imports import limits
from merchants.imports.source import SourceRow, refused
from merchants.imports.xlsx_guard import workbook_check

Value = int | float | str | bool | time | date | datetime | timedelta


def xlsx_rows(path: Path) -> Iterator[SourceRow]:
    """Give the rows of the first sheet; formula cells and damaged long numbers are faults.

    Raises:
        ImportFileRefusedError: as `workbook_check`, or a workbook that cannot be read.
    """
    shapes = workbook_check(path)
    shape = shapes.get(_first_sheet_part(path))
    if shape is None:
        raise refused(_("工作簿中没有工作表"))
    formulas: dict[int, set[int]] = {}
    for row, column in shape.formulas:
        formulas.setdefault(row, set()).add(column - 1)
    try:
        sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(0)
        top, left = sheet.start or (0, 0)
        for number, values in enumerate(sheet.iter_rows(), start=top + 1):
            yield _row(number, [*[""] * left, *values], formulas.pop(number, set()))
    except CalamineError as error:
        raise refused(_("工作簿内容损坏")) from error
    # Rows whose formulas have no stored result do not count as used.
    for number in sorted(formulas):
        yield _row(number, [], formulas[number])


def _row(number: int, values: Sequence[Value], formulas: set[int]) -> SourceRow:
    cells: list[str] = []
    faults = dict.fromkeys(formulas, _("单元格是公式，请粘贴为数值"))
    for position, value in enumerate(values):
        text = _text(value)
        if text is None:
            faults[position] = _("数值型长数字已丢失精度，请将单元格设为文本格式后重新填写")
        cells.append(text or "")
    return SourceRow(number=number, cells=cells, faults=faults)


def _text(value: Value) -> str | None:
    """Write a cell as the sender sees it; None for a number of 16 or more digits."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        if abs(value) >= limits.EXACT_INTEGER or value != value:  # noqa: PLR0124 - NaN
            return None
        return str(int(value)) if value == int(value) else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time(0) else value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


def _first_sheet_part(path: Path) -> str:
    """Return the part name of the first worksheet: workbook.xml names an id, its .rels the part."""
    with zipfile.ZipFile(path) as archive:
        names = {name.lower(): name for name in archive.namelist()}
        try:
            sheets = _elements(archive.read(names["xl/workbook.xml"]), "sheet")
            links = _elements(archive.read(names["xl/_rels/workbook.xml.rels"]), "Relationship")
        except (KeyError, expat.ExpatError) as error:
            raise refused(_("工作簿内容损坏")) from error
    wanted = next(
        (value for sheet in sheets[:1] for key, value in sheet.items() if key.endswith(" id")), ""
    )
    target = next((link.get("Target", "") for link in links if link.get("Id") == wanted), "")
    part = target.lower().removeprefix("/")
    return part if part.startswith("xl/") else f"xl/{part}"


def _elements(document: bytes, name: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    parser = expat.ParserCreate(namespace_separator=" ")

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag.rpartition(" ")[2] == name:
            found.append(attributes)

    parser.StartElementHandler = start
    parser.Parse(document, True)
    return found
