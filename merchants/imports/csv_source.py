"""Rows of a CSV in UTF-8 (with or without byte-order mark) or GB18030, never a mix of them.

The encoding is decided field by field on the bytes: comma, quote and line feed never occur inside
a character of either encoding. A field that reads as UTF-8 Chinese in a file that is not UTF-8
is an edited or glued file, and guessing would store garbled names.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from django.utils.translation import gettext as _

from merchants.imports import limits
from merchants.imports.source import SourceRow, refused

_BOM = b"\xef\xbb\xbf"


def csv_rows(path: Path) -> Iterator[SourceRow]:
    """Give the rows; a row's number is the line it begins on.

    Raises:
        ImportFileRefusedError: NUL bytes, an unreadable or mixed encoding, a line or cell that is
            too long, or broken quoting; with the line where there is one.
    """
    encoding = encoding_of(path)
    with path.open(encoding=encoding, newline="") as stream:
        reader = csv.reader(stream, strict=True)
        before = 0
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                line = before + 1
                reason = _("第 %(line)s 行起引号不配对或单元格过长") % {"line": line}
                raise refused(reason) from error
            if cells is None:
                return
            yield SourceRow(number=before + 1, cells=cells)
            before = reader.line_num


def encoding_of(path: Path) -> str:
    """Return ``utf-8-sig`` or ``gb18030``; raises as `csv_rows`."""
    utf8_chinese = other = 0  # first line of each kind, 0 if there is none
    with path.open("rb") as stream:
        has_mark = stream.read(3) == _BOM
        stream.seek(3 if has_mark else 0)
        for number, line in _lines(stream):
            if line.isascii():
                continue
            for part in line.replace(b'"', b",").split(b","):
                kind = _kind(part)
                if kind == "utf-8":
                    utf8_chinese = utf8_chinese or number
                elif kind == "gb18030":
                    other = other or number
                elif kind == "neither":
                    raise refused(_("第 %(line)s 行不是 UTF-8 或 GB18030 编码") % {"line": number})
    if other and (has_mark or utf8_chinese):
        raise refused(
            _("文件混用了两种编码（第 %(line)s 行与其他行不同），请重新导出")
            % {"line": other if has_mark else max(other, utf8_chinese)}
        )
    return "gb18030" if other else "utf-8-sig"


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := stream.readline(limits.LINE_BYTES + 1):
        number += 1
        if len(line) > limits.LINE_BYTES:
            raise refused(_("第 %(line)s 行过长") % {"line": number})
        if b"\x00" in line:
            raise refused(_("第 %(line)s 行含有空字符（NUL）") % {"line": number})
        yield number, line


def _kind(part: bytes) -> str:
    """Classify a field: utf-8 or gb18030 (Chinese only as such), either, or neither.

    Short words such as 茅台 in GB18030 are also valid two-byte UTF-8, so only three-byte Chinese
    speaks for UTF-8.
    """
    if part.isascii():
        return "either"
    try:
        as_utf8 = part.decode("utf-8")
    except UnicodeDecodeError:
        as_utf8 = ""
    if any(char >= "\u2e80" for char in as_utf8):
        return "utf-8"
    try:
        text = part.decode("gb18030")
    except UnicodeDecodeError:
        return "either" if as_utf8 else "neither"
    if as_utf8:
        return "either"
    # Private-use characters are what half a UTF-8 character looks like when read as GB18030.
    return "neither" if any("\ue000" <= char <= "\uf8ff" for char in text) else "gb18030"
