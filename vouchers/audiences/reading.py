"""The rows of a list of an audience: a document or mobile number each, and the document's type.

What stands in a row leaves this module as a token or as a fault's code, never as it was.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.utils.translation import gettext as _

from core import pii
from core.errors import InvalidParametersError
from merchants.imports.csv_source import csv_rows
from merchants.imports.source import SourceRow, format_of, refused
from merchants.imports.xlsx_source import xlsx_rows
from vouchers.grants.limits import FILE_BYTES, ROWS
from vouchers.grants.reading import heading_key
from vouchers.identity import IdentityToken, identity_token

HEADINGS: Final = {
    pii.DOCUMENT: frozenset({"证件号码", "证件号", "身份证号", "身份证号码", "公民身份号码"}),
    pii.MOBILE: frozenset({"手机号", "手机号码", "手机", "联系电话"}),
}
_TYPES: Final = {heading_key(name): code for code, name in pii.DOCUMENT_TYPES.items()} | {
    heading_key(code): code for code in pii.DOCUMENT_TYPES
}
_MOST_CHARS: Final = 128


@dataclass(frozen=True, slots=True)
class ListedRow:
    """A row: its number as the spreadsheet shows it, and whom it names; or its fault's code."""

    line: int
    token: IdentityToken | None
    fault: str = ""


def fault_words(kind: str) -> dict[str, str]:
    """Return what is wrong with a row, by code."""
    number = _("手机号不正确") if kind == pii.MOBILE else _("证件号码不正确")
    return {
        "NUMBER": number,
        "TYPE": _("不支持的证件类型"),
        "CELL": _("单元格是公式，或长数字已丢失精度，请设为文本格式"),
    }


def listed_rows(path: Path, kind: str) -> Iterator[ListedRow]:
    """Give the rows of a list, XLSX or CSV; a heading is left out, blank rows are too.

    ``kind`` is DOCUMENT (a second column may name the type, without one a resident id) or MOBILE.

    Raises:
        ImportFileRefusedError: it cannot be read, has too many columns or rows. The values of a
            row are never repeated.
    """
    is_book = format_of(path, most_bytes=FILE_BYTES) == "xlsx"
    count = 0
    for row in xlsx_rows(path) if is_book else csv_rows(path):
        if row.is_blank:
            continue
        _assert_columns(row, kind)
        if count == 0 and heading_key(row.cells[0]) in HEADINGS[kind]:
            continue
        count += 1
        if count > ROWS:
            raise refused(_("超过 %(limit)s 行，请拆分文件") % {"limit": ROWS})
        yield _read(row, kind)


def _assert_columns(row: SourceRow, kind: str) -> None:
    most = 1 if kind == pii.MOBILE else 2
    filled = [place for place, text in enumerate(row.cells) if text.strip()]
    if max([*filled, *row.faults], default=0) < most:
        return
    if kind == pii.MOBILE:
        reason = _("第 %(line)s 行有多列：名单只能有一列，填手机号")
    else:
        reason = _("第 %(line)s 行多于两列：名单只能有证件号码和证件类型两列")
    raise refused(reason % {"line": row.number})


def _read(row: SourceRow, kind: str) -> ListedRow:
    if row.faults:
        return ListedRow(row.number, None, "CELL")
    number, named, *_others = (*row.cells, "", "")
    document_type = pii.RESIDENT_ID
    if kind == pii.DOCUMENT and named.strip():
        known = _TYPES.get(heading_key(named))
        if known is None:
            return ListedRow(row.number, None, "TYPE")
        document_type = known
    if len(number) > _MOST_CHARS:
        return ListedRow(row.number, None, "NUMBER")
    try:
        token = identity_token(kind, number, document_type=document_type)
    except InvalidParametersError:
        return ListedRow(row.number, None, "NUMBER")
    return ListedRow(row.number, token)
