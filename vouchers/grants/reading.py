"""The rows of a list of people: one column, a channel's account number or a person's public id."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.utils.translation import gettext as _

from core.ids import from_public
from merchants.imports.csv_source import csv_rows
from merchants.imports.source import SourceRow, format_of, refused
from merchants.imports.xlsx_source import xlsx_rows
from vouchers.grants.limits import FILE_BYTES, GIVEN_CHARS, ROWS

HEADINGS = frozenset(
    {"渠道用户号", "渠道用户", "用户号", "用户编号", "person_id", "external_id", "personid"}
)
PERSON = "per"


@dataclass(frozen=True, slots=True)
class ListRow:
    """A row: its number as the spreadsheet shows it, and whom it names; or its fault's code."""

    line: int
    external_id: str | None
    person_id: UUID | None
    fault: str | None = None


def list_rows(path: Path) -> Iterator[ListRow]:
    """Give the rows of a list, XLSX or CSV; a heading is left out, blank rows are too.

    Raises:
        ImportFileRefusedError: it cannot be read, has more than one column or too many rows. The
            values of a row are never repeated: a wrong file may hold anything.
    """
    is_book = format_of(path, most_bytes=FILE_BYTES) == "xlsx"
    count = 0
    for row in xlsx_rows(path) if is_book else csv_rows(path):
        if row.is_blank:
            continue
        given = _only_cell(row)
        if count == 0 and heading_key(given) in HEADINGS:
            continue
        count += 1
        if count > ROWS:
            raise refused(_("超过 %(limit)s 行，请拆分文件") % {"limit": ROWS})
        yield _read(row, given)


def _only_cell(row: SourceRow) -> str:
    filled = [text for text in map(str.strip, row.cells) if text]
    if len(filled) + len(row.faults) > 1:
        reason = _("第 %(line)s 行有多列：名单只能有一列，填渠道用户号或用户编号")
        raise refused(reason % {"line": row.number})
    return filled[0] if filled else ""


def _read(row: SourceRow, given: str) -> ListRow:
    if row.faults:
        return ListRow(row.number, None, None, "CELL")
    person_id = from_public(PERSON, given)
    if person_id is not None:
        return ListRow(row.number, None, person_id)
    if len(given) > GIVEN_CHARS or "\x00" in given:
        return ListRow(row.number, None, None, "FORMAT")
    return ListRow(row.number, given, None)


def heading_key(text: str) -> str:
    """Return the one spelling of a heading or a name of a list: width, case and spaces aside."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(folded.split()).strip("*:")
