"""Look through a workbook before any library loads it: sizes, parts, shape, formulas.

A spreadsheet library unpacks whole parts and may allocate a rectangle as large as the farthest
cell; both are bounded here first, in one streaming pass that keeps nothing.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

from django.utils.translation import gettext as _

from merchants.imports import limits
from merchants.imports.source import refused

BLOCK = 64 * 1024
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
_ACTIVE = re.compile(r"vbaProject|macrosheets/|externalLinks/|activeX/|embeddings/", re.IGNORECASE)
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_READ_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError)


@dataclass(slots=True)
class SheetShape:
    """What a pass over a worksheet found; positions count from 1."""

    rows: int = 0
    columns: int = 0
    formulas: set[tuple[int, int]] = field(default_factory=set)


def workbook_check(path: Path) -> dict[str, SheetShape]:
    """Check a workbook and return the shape of each worksheet by its part name (lower case).

    Raises:
        ImportFileRefusedError: not a sound archive, a bomb, macros or links, a DOCTYPE, or a sheet
            beyond the limits.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            _directory_check(parts)
            return {
                part.filename.lower(): shape
                for part in parts
                if (shape := _part_check(archive, part)) is not None
            }
    except (expat.ExpatError, LookupError) as error:  # also an XML encoding nobody knows
        raise refused(_("工作簿内容损坏")) from error
    except _READ_ERRORS as error:
        raise refused(_("不是有效的 XLSX 文件")) from error


def _directory_check(parts: list[zipfile.ZipInfo]) -> None:
    names = [part.filename.lower() for part in parts]
    if len(parts) > limits.PARTS or len(set(names)) != len(names):
        raise refused(_("工作簿的组成部分过多或重名"))
    if any(_ACTIVE.search(name) for name in names):
        raise refused(_("工作簿含有宏、外部链接或嵌入对象"))
    if any(part.flag_bits & 1 or part.compress_type not in _METHODS for part in parts):
        raise refused(_("工作簿已加密或使用了不支持的压缩方式"))
    if sum(part.file_size for part in parts) > limits.UNPACKED_BYTES:
        raise refused(_("工作簿解压后过大"))
    for part in parts:
        packed = max(part.compress_size, 1)
        if part.file_size > limits.RATIO_FROM_BYTES and part.file_size / packed > limits.RATIO:
            raise refused(_("工作簿压缩比异常"))


def _part_check(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> SheetShape | None:
    """Read a part to its end, so that what it holds is what it declared; parse every XML."""
    if not part.filename.lower().endswith((".xml", ".rels")):
        for _block in _blocks(archive, part):
            pass
        return None
    scan = _Scan(is_sheet=bool(_SHEET.fullmatch(part.filename)))
    for block in _blocks(archive, part):
        scan.parser.Parse(block, False)
    scan.parser.Parse(b"", True)
    return scan.shape if scan.is_sheet else None


def _blocks(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """Unpack a part here, not with the library: it stops reading at the declared size."""
    stream = archive.fp
    if stream is None:
        raise zipfile.BadZipFile("closed")
    archive.open(part).close()  # checks the local header against the directory
    stream.seek(part.header_offset + 26)
    lengths = stream.read(4)
    stream.seek(int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little"), 1)
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    left, found = part.compress_size, 0
    while left > 0:
        packed = stream.read(min(left, BLOCK))
        if not packed:
            raise zipfile.BadZipFile("truncated")
        left -= len(packed)
        while packed:
            if part.compress_type == zipfile.ZIP_STORED:
                block, packed = packed, b""
            else:
                block, packed = inflate.decompress(packed, BLOCK), inflate.unconsumed_tail
            found += len(block)
            if found > part.file_size:
                raise refused(_("工作簿声明的大小与实际不符"))
            yield block
    if found != part.file_size:
        raise refused(_("工作簿声明的大小与实际不符"))


class _Scan:
    """An XML pass: refuses a DOCTYPE; over a worksheet it also follows cells and formulas."""

    def __init__(self, *, is_sheet: bool) -> None:
        self.is_sheet = is_sheet
        self.shape = SheetShape()
        self._row = self._column = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartDoctypeDeclHandler = self._doctype
        if is_sheet:
            self.parser.StartElementHandler = self._start

    def _doctype(self, *_declaration: Any) -> None:
        raise refused(_("工作簿含有 DOCTYPE 声明"))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        match name.rpartition(" ")[2]:
            case "row":
                self._row = int(attributes.get("r", self._row + 1))
                self._column = 0
                self._bound()
            case "c":
                self._place(attributes.get("r"))
                self._bound()
            case "f":
                self.shape.formulas.add((self._row, self._column))
                if len(self.shape.formulas) > limits.FORMULA_CELLS:
                    raise refused(_("工作簿含有大量公式，请粘贴为数值后再导入"))

    def _place(self, reference: str | None) -> None:
        if reference is None:
            self._column += 1
            return
        found = _REFERENCE.fullmatch(reference)
        if found is None:
            raise refused(_("工作簿内容损坏"))
        letters, digits = found.groups()
        self._column = 0
        for letter in letters:
            self._column = self._column * 26 + ord(letter) - ord("A") + 1
        self._row = int(digits)

    def _bound(self) -> None:
        self.shape.rows = max(self.shape.rows, self._row)
        self.shape.columns = max(self.shape.columns, self._column)
        # The heading and a few blank rows come on top of the data rows.
        if self.shape.rows > limits.ROWS + 100:
            raise refused(_("超过 %(limit)s 行，请拆分文件") % {"limit": limits.ROWS})
        if self.shape.columns > limits.COLUMNS:
            raise refused(_("超过 %(limit)s 列") % {"limit": limits.COLUMNS})
