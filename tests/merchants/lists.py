"""Builders of merchant lists as acquirers send them: good rows, and files in every format."""

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

from tests.factories.merchants import QINGXIU, uscc_make

HEADINGS = [
    "商户名称",
    "统一社会信用代码",
    "收单商户号",
    "门店名称",
    "门店地址",
    "地区代码",
    "MCC",
    "终端号",
    "联系人",
    "联系电话",
    "收款户名",
    "收款账号",
]
PHONE = "13977112233"
ACCOUNT = "6222021234567890123"


def row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a good row; ``changes`` by heading."""
    return {
        "商户名称": f"南宁老友餐饮{number}有限公司",
        "统一社会信用代码": uscc_make("450103", number),
        "收单商户号": f"898450058{number:06d}",
        "门店名称": f"老友粉民族大道{number}店",
        "门店地址": f"南宁市青秀区民族大道{number}号",
        "地区代码": QINGXIU,
        "MCC": "5812",
        "终端号": f"{number:08d};A{number:07d}",
        "联系人": "韦小明",
        "联系电话": PHONE,
        "收款户名": f"南宁老友餐饮{number}有限公司",
        "收款账号": ACCOUNT,
        **changes,
    }


def table(rows: Iterable[dict[str, Any]], headings: Sequence[str] = HEADINGS) -> list[list[Any]]:
    """Return heading and rows as lists of cells."""
    return [list(headings), *([values.get(name, "") for name in headings] for values in rows)]


def csv_bytes(rows: Iterable[dict[str, Any]], encoding: str = "utf-8-sig") -> bytes:
    """Return a CSV."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows(table(rows))
    return buffer.getvalue().encode(encoding)


def xlsx_bytes(rows: Iterable[dict[str, Any]]) -> bytes:
    """Return a workbook; strings stay text, numbers numbers; ``("=", text)`` is a formula."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet("商户表")
    for number, cells in enumerate(table(rows)):
        for position, value in enumerate(cells):
            if isinstance(value, tuple):
                sheet.write_formula(number, position, value[1], None, "5812")
            else:
                sheet.write(number, position, value)
    book.close()
    return buffer.getvalue()


def saved(folder: Path, content: bytes, name: str = "list") -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(content)
    return path


def parts_changed(workbook: bytes, changes: dict[str, bytes | None]) -> bytes:
    """Return a workbook with parts replaced, added or (None) left out."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook)) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            content = changes[name] if name in changes else old.read(name)
            if content is not None:
                new.writestr(name, content)
        for name, content in changes.items():
            if name not in old.namelist() and content is not None:
                new.writestr(name, content)
    return buffer.getvalue()
