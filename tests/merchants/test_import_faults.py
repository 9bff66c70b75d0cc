"""Bad lists: every fault with row, column and reason; poisoned files refused; nothing changed."""

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from core.clock import TIME_ZONE
from merchants.imports import limits
from merchants.imports.run import ImportOutcome, merchants_import
from merchants.models import Merchant, Payee, Store, Terminal
from tests.factories.merchants import LIUBEI, NANNING, acquirer_make, uscc_make
from tests.merchants.lists import (
    HEADINGS,
    csv_bytes,
    parts_changed,
    row,
    saved,
    table,
    xlsx_bytes,
)

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 15, 10, 0, tzinfo=TIME_ZONE)
SHEET = "xl/worksheets/sheet1.xml"
LOST = "数值型长数字已丢失精度，请将单元格设为文本格式后重新填写"
FORMULA_TEXT = "内容以 = + - @ 开头，会被当作公式"


@pytest.fixture
def refuse(tmp_path: Path) -> Callable[[bytes], list[tuple[int, str, str]]]:
    """Import a bad file; give its faults after asserting that nothing was changed."""
    acquirer = acquirer_make()

    def call(content: bytes) -> list[tuple[int, str, str]]:
        outcome: ImportOutcome = merchants_import(
            path=saved(tmp_path, content),
            acquirer=acquirer,
            owner_region=NANNING,
            sha256="0" * 64,
            now=NOW,
            actor=None,
        )
        assert not outcome.is_applied
        for model in (Merchant, Store, Payee, Terminal):
            assert not model._default_manager.exists()
        return [(item.row, item.column, item.reason) for item in outcome.problems]

    return call


Refuse = Callable[[bytes], list[tuple[int, str, str]]]


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("商户名称", "", "不能为空"),
        ("商户名称", "=HYPERLINK(1)", FORMULA_TEXT),
        ("门店名称", "+店", FORMULA_TEXT),
        ("门店地址", "-路", FORMULA_TEXT),
        ("收款户名", "@户", FORMULA_TEXT),
        ("联系人", " =1+1", FORMULA_TEXT),
        ("商户名称", "甲" * 121, "超过 120 个字符"),
        ("商户名称", "甲\u200b公司", "含有控制字符、换行或不可见字符"),
        ("商户名称", "甲\n公司", "含有控制字符、换行或不可见字符"),
        ("商户名称", "甲\ufffd公司", "含有乱码"),
        ("统一社会信用代码", "9145010MA0001", "应为 18 位"),
        ("统一社会信用代码", uscc_make()[:17] + "I", "校验位不正确"),
        ("统一社会信用代码", "9.145E+17", LOST),
        ("收单商户号", "8984500580001", "应为 15 位数字或大写字母"),
        ("收单商户号", "8.9845E+14", LOST),
        ("地区代码", "999999", "地区代码或名称不存在"),
        ("地区代码", "450100", "请填写到区县一级"),
        ("地区代码", LIUBEI, "不在本次导入的地区范围内，或名称不唯一"),
        ("地区代码", "火星区", "地区代码或名称不存在"),
        ("MCC", "0001", "商户类别码不存在"),
        ("MCC", "餐饮", "商户类别码不存在"),
        (
            "终端号",
            "1234",
            "终端号 1234 应为 8 位；数值单元格会丢失前面的 0，请设为文本",
        ),
        ("终端号", "00000001;00000001", "终端号重复"),
        ("终端号", ";".join(f"{n:08d}" for n in range(51)), "终端号超过 50 个"),
        ("联系电话", "12345", "不是有效的电话号码"),
        ("收款账号", "6222AB", "应为 8 至 32 位数字"),
        ("收款账号", "6.22202E+18", LOST),
    ],
)
@pytest.mark.parametrize("write", [csv_bytes, xlsx_bytes], ids=["csv", "xlsx"])
def test_a_bad_cell(
    refuse: Refuse, write: Callable[..., bytes], column: str, value: str, reason: str
) -> None:
    # The good row before it is not imported either: all or nothing.
    assert refuse(write([row(1), row(2, **{column: value})])) == [(3, column, reason)]


def test_every_bad_row_is_reported_at_once(refuse: Refuse) -> None:
    faults = refuse(
        csv_bytes([row(1, MCC="0001", 终端号="1"), row(2), row(3, 统一社会信用代码="x")])
    )
    assert [(line, column) for line, column, _reason in faults] == [
        (2, "MCC"),
        (2, "终端号"),
        (4, "统一社会信用代码"),
    ]


def test_account_numbers_are_not_repeated_in_faults(refuse: Refuse) -> None:
    faults = refuse(csv_bytes([row(1, 收款账号="62220212345678901239999999999999999")]))
    assert faults == [(2, "收款账号", "应为 8 至 32 位数字")]


@pytest.mark.parametrize(
    ("column", "number"),
    [
        ("统一社会信用代码", 914501030000000123),
        ("收款账号", 6222021234567890123),
        ("收单商户号", 1234567890123456),
    ],
)
def test_long_numbers_stored_as_numbers(refuse: Refuse, column: str, number: int) -> None:
    assert refuse(xlsx_bytes([row(1, **{column: number})])) == [(2, column, LOST)]


def test_short_numbers_stored_as_numbers_are_read(tmp_path: Path) -> None:
    content = xlsx_bytes(
        [row(1, MCC=5812, 联系电话=13977112233, 收单商户号=898450058000001, 地区代码=450103)]
    )
    outcome = merchants_import(
        path=saved(tmp_path, content),
        acquirer=acquirer_make(),
        owner_region=NANNING,
        sha256="0" * 64,
        now=NOW,
        actor=None,
    )
    assert list(outcome.problems) == []


def test_formula_cells(refuse: Refuse) -> None:
    content = xlsx_bytes([row(1), row(2, MCC=("=", "=5800+12"))])
    assert refuse(content) == [(3, "MCC", "单元格是公式，请粘贴为数值")]


def test_a_row_of_formulas_without_results_is_not_lost(refuse: Refuse) -> None:
    good = xlsx_bytes([row(1)])
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        sheet = archive.read(SHEET).decode()
    formula = '<row r="9"><c r="B9"><f>A1</f></c></row></sheetData>'
    content = parts_changed(good, {SHEET: sheet.replace("</sheetData>", formula).encode()})
    faults = refuse(content)
    assert (9, "统一社会信用代码", "单元格是公式，请粘贴为数值") in faults


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        (
            [row(1), row(2, 终端号="A0000001")],
            [(3, "终端号", "终端号 A0000001 与第 2 行重复")],
        ),
        (
            [row(1), row(2, 收单商户号=row(1)["收单商户号"])],
            [
                (3, "收单商户号", "收单商户号与第 2 行重复，但统一社会信用代码不同"),
                (3, "收款户名", "与第 2 行收单商户号相同，但收款户名不同"),
            ],
        ),
        (
            [row(1), row(2, 统一社会信用代码=row(1)["统一社会信用代码"], MCC="5411")],
            [
                (3, "MCC", "与第 2 行统一社会信用代码相同，但 MCC 不同"),
                (3, "商户名称", "与第 2 行统一社会信用代码相同，但商户名称不同"),
            ],
        ),
        (
            [row(1), row(1, 终端号="B0000001", 收款账号="6222021234567899999")],
            [
                (3, "收款账号", "与第 2 行收单商户号相同，但收款账号不同"),
                (3, "门店名称", "与第 2 行重复"),
            ],
        ),
        (
            [row(1), row(1, 终端号="B0000001", 收单商户号="X" * 15, 门店地址="别处")],
            [(3, "门店地址", "与第 2 行为同一门店，但地址不同")],
        ),
    ],
    ids=["terminal", "merchant number", "uscc", "account", "address"],
)
def test_rows_that_contradict_each_other(
    refuse: Refuse, changes: list[dict[str, Any]], faults: list[tuple[int, str, str]]
) -> None:
    assert sorted(refuse(csv_bytes(changes))) == sorted(faults)


@pytest.mark.parametrize(
    ("headings", "reason"),
    [
        ([name for name in HEADINGS if name not in ("MCC", "终端号")], "缺少列：MCC、终端号"),
        ([*HEADINGS, "身份证号"], "无法识别的列：身份证号"),
        ([*HEADINGS, "商户号"], "列重复：收单商户号"),
    ],
)
def test_wrong_headings(refuse: Refuse, headings: list[str], reason: str) -> None:
    lines = [",".join(map(str, cells)) for cells in table([row(1)], headings)]
    assert refuse("\n".join(lines).encode()) == [(0, "", reason)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "文件为空"),
        (csv_bytes([]), "文件中没有数据"),
        (b"\n\n,,\n", "文件中没有数据"),
        ("商户名称".encode("utf-16"), "不支持 UTF-16 编码，请另存为 UTF-8 或 GB18030 的 CSV"),
        (
            bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600,
            "不支持 .xls 或加密的工作簿，请另存为未加密的 .xlsx",
        ),
        (b"PK\x03\x04" + b"x" * 500, "不是有效的 XLSX 文件"),
        (xlsx_bytes([row(1)])[:-40], "不是有效的 XLSX 文件"),
        (csv_bytes([row(1)]) + b"\x00\x01,", "第 3 行含有空字符（NUL）"),
        (csv_bytes([row(1)], "utf-8") + b"\xff\xff\xff", "第 3 行不是 UTF-8 或 GB18030 编码"),
        (b"x" * (limits.LINE_BYTES + 2), "第 1 行过长"),
        (
            csv_bytes([row(1)], "utf-8") + csv_bytes([row(2)], "gb18030").split(b"\n", 1)[1],
            "文件混用了两种编码（第 3 行与其他行不同），请重新导出",
        ),
        (
            csv_bytes([row(1)], "gb18030") + csv_bytes([row(2)], "utf-8").split(b"\n", 1)[1],
            "文件混用了两种编码（第 3 行与其他行不同），请重新导出",
        ),
        (
            b"\xef\xbb\xbf" + csv_bytes([row(1)], "gb18030"),
            "文件混用了两种编码（第 1 行与其他行不同），请重新导出",
        ),
        (csv_bytes([row(1)], "utf-8") + b'"abc', "第 3 行起引号不配对或单元格过长"),
    ],
    ids=[
        "empty",
        "heading only",
        "blank",
        "utf-16",
        "xls",
        "no zip",
        "truncated zip",
        "nul",
        "neither encoding",
        "long line",
        "utf-8 then gb18030",
        "gb18030 then utf-8",
        "gb18030 after a mark",
        "open quote",
    ],
)
def test_unreadable_files(refuse: Refuse, content: bytes, reason: str) -> None:
    assert refuse(content) == [(0, "", reason)]


def test_a_mixed_field_inside_one_line(refuse: Refuse) -> None:
    line = csv_bytes([row(2)], "gb18030").split(b"\n", 1)[1]
    mixed = line.replace("韦小明".encode("gb18030"), "韦小明".encode())
    content = csv_bytes([row(1)], "gb18030") + mixed
    assert refuse(content) == [(0, "", "文件混用了两种编码（第 3 行与其他行不同），请重新导出")]


def big_sheet(last_cell: str, row_number: int) -> bytes:
    """Return a sheet whose only cell lies far away: a rectangle of billions for a naive reader."""
    return (
        '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/'
        f'2006/main"><sheetData><row r="{row_number}"><c r="{last_cell}"><v>1</v></c></row>'
        "</sheetData></worksheet>"
    ).encode()


LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    b"<sheetData><row><c><v>&b;</v></c></row></sheetData></worksheet>"
)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({SHEET: big_sheet("XFD1048576", 1048576)}, "超过 60000 行，请拆分文件"),
        ({SHEET: big_sheet("XFD1", 1)}, "超过 60 列"),
        ({SHEET: LAUGHS}, "工作簿含有 DOCTYPE 声明"),
        ({SHEET: b"<worksheet><sheetData>"}, "工作簿内容损坏"),
        ({SHEET: None}, "工作簿中没有工作表"),
        ({"xl/workbook.xml": None}, "工作簿内容损坏"),
        ({"xl/vbaProject.bin": b"x"}, "工作簿含有宏、外部链接或嵌入对象"),
        ({"xl/externalLinks/externalLink1.xml": b"<x/>"}, "工作簿含有宏、外部链接或嵌入对象"),
        ({"xl/media/zeros.bin": b"\0" * 5_000_000}, "工作簿压缩比异常"),
        ({f"xl/media/{n}.txt": b"x" for n in range(301)}, "工作簿的组成部分过多或重名"),
    ],
    ids=[
        "far row",
        "far column",
        "doctype",
        "cut xml",
        "no sheet",
        "no workbook",
        "macro",
        "link",
        "bomb",
        "many parts",
    ],
)
def test_poisoned_workbooks(refuse: Refuse, changes: dict[str, bytes | None], reason: str) -> None:
    assert refuse(parts_changed(xlsx_bytes([row(1)]), changes)) == [(0, "", reason)]


def test_a_workbook_that_lies_about_its_size(refuse: Refuse) -> None:
    content = bytearray(
        parts_changed(xlsx_bytes([row(1)]), {"xl/media/zeros.bin": b"\0" * 3_000_000})
    )
    # Both the local header and the directory now declare 1,000 bytes.
    for place in _occurrences(bytes(content), struct.pack("<I", 3_000_000)):
        content[place : place + 4] = struct.pack("<I", 1_000)
    assert refuse(bytes(content)) == [(0, "", "工作簿声明的大小与实际不符")]


def test_an_encrypted_part(refuse: Refuse) -> None:
    content = bytearray(xlsx_bytes([row(1)]))
    directory = content.index(b"PK\x01\x02")
    content[directory + 8] |= 1
    assert refuse(bytes(content)) == [(0, "", "工作簿已加密或使用了不支持的压缩方式")]


def test_a_bomb_costs_little_memory(refuse: Refuse) -> None:
    declared = parts_changed(
        xlsx_bytes([row(1)]),
        {f"xl/media/{n}.bin": b"\0" * 3_900_000 for n in range(45)},
    )
    assert len(declared) < limits.FILE_BYTES
    tracemalloc.start()
    try:
        assert refuse(declared) == [(0, "", "工作簿解压后过大")]
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_too_many_rows(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROWS", 3)
    rows = [row(number) for number in range(1, 5)]
    assert refuse(csv_bytes(rows)) == [(0, "", "超过 3 行，请拆分文件")]
    assert refuse(xlsx_bytes(rows)) == [(0, "", "超过 3 行，请拆分文件")]


def test_too_large_a_file(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FILE_BYTES", 1 << 20)
    assert refuse(b"x" * ((1 << 20) + 1)) == [(0, "", "文件超过 1 MB")]


def test_a_sheet_of_formulas(refuse: Refuse) -> None:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer)
    sheet = book.add_worksheet()
    for number in range(limits.FORMULA_CELLS + 1):
        sheet.write_formula(number, 0, "=1")
    book.close()
    assert refuse(buffer.getvalue()) == [(0, "", "工作簿含有大量公式，请粘贴为数值后再导入")]


def test_faults_are_bounded(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("merchants.imports.problems.PROBLEMS_MAX", 2)
    assert len(refuse(csv_bytes([row(n, MCC="0001") for n in range(1, 6)]))) == 2


def _occurrences(content: bytes, wanted: bytes) -> list[int]:
    places, start = [], content.find(wanted)
    while start >= 0:
        places.append(start)
        start = content.find(wanted, start + 1)
    return places
