"""The rows of a file as text, whatever its format: one shape for workbook and CSV."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from django.utils.translation import gettext as _

from merchants.errors import ImportFileRefusedError
from merchants.imports import limits

_ZIP = b"PK\x03\x04"
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row: its number as the spreadsheet shows it, its cells, and cells that cannot be read."""

    number: int
    cells: list[str]
    faults: Mapping[int, str] = field(default_factory=dict)

    @property
    def is_blank(self) -> bool:
        """Whether nothing is written in the row."""
        return not self.faults and not any(cell.strip() for cell in self.cells)


def refused(reason: str) -> ImportFileRefusedError:
    """Return the error for a file that cannot be read as a whole."""
    return ImportFileRefusedError(reason)


def format_of(path: Path, *, most_bytes: int | None = None) -> str:
    """Return ``xlsx`` or ``csv`` by the file's first bytes, never by its name.

    Raises:
        ImportFileRefusedError: empty, too large, an old or encrypted workbook, or UTF-16 text.
    """
    most_bytes = most_bytes or limits.FILE_BYTES
    size = path.stat().st_size
    if size == 0:
        raise refused(_("文件为空"))
    if size > most_bytes:
        raise refused(_("文件超过 %(limit)s MB") % {"limit": most_bytes >> 20})
    with path.open("rb") as stream:
        head = stream.read(8)
    if head.startswith(_ZIP):
        return "xlsx"
    if head.startswith(_OLE):
        raise refused(_("不支持 .xls 或加密的工作簿，请另存为未加密的 .xlsx"))
    if head.startswith(_UTF16):
        raise refused(_("不支持 UTF-16 编码，请另存为 UTF-8 或 GB18030 的 CSV"))
    return "csv"


def data_rows(rows: Iterator[SourceRow]) -> Iterator[SourceRow]:
    """Leave out blank rows and stop at the limits of rows and columns.

    Raises:
        ImportFileRefusedError: too many rows or columns.
    """
    count = 0
    for row in rows:
        if row.is_blank:
            continue
        count += 1
        if count > limits.ROWS + 1:
            raise refused(_("超过 %(limit)s 行，请拆分文件") % {"limit": limits.ROWS})
        if len(row.cells) > limits.COLUMNS and any(
            cell.strip() for cell in row.cells[limits.COLUMNS :]
        ):
            raise refused(_("超过 %(limit)s 列") % {"limit": limits.COLUMNS})
        yield row
