"""Tables as files: what a spreadsheet in China makes of them."""

import csv
import io
import zipfile
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from python_calamine import CalamineWorkbook

from core.tabular import BOM, CHUNK_ROWS, Column, csv_chunks, xlsx_write

COLUMNS = [Column("编号"), Column("金额（元）", is_fen=True), Column("说明"), Column("数量")]
ROWS: list[list[Any]] = [
    ["0012345678901234567", 101_450, "=1+1", 3],
    ["A1", -5, "+86", 10**15],
    ["", None, datetime(2026, 3, 1, 0, 30, tzinfo=UTC), Decimal("1.25")],
    ["x", 0, True, date(2026, 3, 1)],
    ["y", 7, time(9, 30), None],
]


def csv_read(rows: list[list[Any]]) -> list[list[str]]:
    text = b"".join(csv_chunks(COLUMNS, rows)).decode()
    assert text.startswith(BOM)
    return list(csv.reader(io.StringIO(text.removeprefix(BOM))))


def test_csv_keeps_ids_writes_yuan_and_defuses_formulas() -> None:
    assert csv_read(ROWS) == [
        ["编号", "金额（元）", "说明", "数量"],
        ["0012345678901234567", "1014.50", "'=1+1", "3"],
        ["A1", "-0.05", "'+86", "1000000000000000"],
        ["", "", "2026-03-01 08:30:00", "1.25"],
        ["x", "0.00", "是", "2026-03-01"],
        ["y", "0.07", "09:30:00", ""],
    ]


def test_csv_streams_in_chunks() -> None:
    chunks = list(csv_chunks([Column("a")], ([n] for n in range(2 * CHUNK_ROWS + 1))))
    assert len(chunks) == 3
    assert b"".join(chunks).count(b"\n") == 2 * CHUNK_ROWS + 2


def test_xlsx_has_numbers_for_amounts_and_text_for_ids() -> None:
    target = io.BytesIO()
    assert xlsx_write(target, sheet="明细", columns=COLUMNS, rows=ROWS) == 5
    target.seek(0)
    book = CalamineWorkbook.from_filelike(target)
    assert book.sheet_names == ["明细"]
    assert book.get_sheet_by_index(0).to_python() == [
        ["编号", "金额（元）", "说明", "数量"],
        ["0012345678901234567", 1014.5, "=1+1", 3.0],
        ["A1", -0.05, "+86", "1000000000000000"],
        ["", "", "2026-03-01 08:30:00", 1.25],
        ["x", 0.0, "是", "2026-03-01"],
        ["y", 0.07, "09:30:00", ""],
    ]
    with zipfile.ZipFile(target) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
