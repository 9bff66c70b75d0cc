"""The bank's result file: CSV with a control line, amounts in yuan (docs/decisions/settlement.md).

划付流水号,结果,金额,银行流水号,日期,原因
PO123…,成功,27.00,B0001,2026-03-09,
合计,1,27.00
"""

import csv
import hashlib
import io
from collections.abc import Iterator
from datetime import date, datetime
from typing import BinaryIO, Literal

from django.utils.translation import gettext as _

from core.access.models import User
from core.access.roles import assert_may
from core.audit.services import audit_record
from core.errors import DomainError
from core.money import MAX_FEN, fen_from_yuan
from core.transactions import retry_conflicts, transaction_joined
from redemption.settlement.errors import ControlTotalsError, ReconFileError
from redemption.settlement.models import Payout, ReconFile
from redemption.settlement.services.bank_results import (
    ACTION,
    BankResult,
    bank_results_record,
)

COLUMNS = ("划付流水号", "结果", "金额", "银行流水号", "日期", "原因")
CONTROL = "合计"
OUTCOMES: dict[str, Literal["PAID", "RETURNED"]] = {
    "成功": "PAID",
    "退汇": "RETURNED",
    "失败": "RETURNED",
}
MAX_BYTES = 10 << 20
MAX_ROWS = 100_000
MAX_TEXT = 200


@retry_conflicts
def bank_file_import(
    *, source: BinaryIO, name: str, actor: User, now: datetime
) -> tuple[ReconFile, int]:
    """Import a bank's result file; all rows or none. Returns the file and how many were new.

    The same content again changes nothing.

    Raises:
        ReconFileError, ControlTotalsError: the first thing that is wrong with the file.
        DomainError: what `bank_results_record` refuses, ``access.permission_denied``.
    """
    content = source.read(MAX_BYTES + 1)
    sha256 = hashlib.sha256(content).hexdigest()
    results = list(_results(content))
    with transaction_joined():
        region = _region(results, actor)
        known = ReconFile.objects.filter(kind=ReconFile.Kind.BANK, sha256=sha256).first()
        if known is not None:
            return known, 0
        file = ReconFile.objects.create(
            kind=ReconFile.Kind.BANK,
            name=name,
            sha256=sha256,
            row_count=len(results),
            totals={"count": len(results), "amount_fen": sum(one.amount_fen for one in results)},
            owner_region=region,
            imported_by=actor,
            imported_at=now,
            matched_at=now,
        )
        audit_record(
            action="recon.import_bank",
            subject_type="recon_file",
            subject_id=file.pk,
            now=now,
            actor=actor,
            owner_region=region,
            data={"name": name, "sha256": sha256, "rows": len(results)},
        )
        outcomes = bank_results_record(results=results, actor=actor, now=now, file=file)
    return file, sum(not outcome.replayed for outcome in outcomes)


def _region(results: list[BankResult], actor: User) -> str:
    """Return the region of the first payout; `bank_results_record` asks for rights in every one."""
    references = [one.reference for one in results]
    region = (
        Payout.objects.filter(reference__in=references)
        .order_by("owner_region")
        .values_list("owner_region", flat=True)
        .first()
    )
    assert_may(actor, ACTION, region)
    if region is None:
        if results:
            raise DomainError("payout.unknown", data={"reference": results[0].reference})
        raise ReconFileError(data={"row": 1, "reason": _("文件没有结果")})
    return region


def _results(content: bytes) -> Iterator[BankResult]:
    if len(content) > MAX_BYTES:
        raise ReconFileError(data={"row": 1, "reason": _("文件过大")})
    reader = csv.reader(io.StringIO(_text(content), newline=""))
    count = total = 0
    closed = False
    for number, cells in enumerate(_checked(reader), start=1):
        row = [cell.strip().lstrip("`'") for cell in cells]
        if not any(row):
            continue
        if closed:
            raise _refuse(number, _("合计之后还有内容"))
        if number == 1:
            _head(row)
        elif row[0] == CONTROL:
            _control(number, row, count, total)
            closed = True
        else:
            result = _result(number, row)
            count, total = count + 1, total + result.amount_fen
            if count > MAX_ROWS:
                raise _refuse(number, _("行数过多"))
            yield result
    if not closed:
        raise _refuse(count + 1, _("缺少合计行，文件不完整"))


def _checked(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise _refuse(1, _("不是 CSV 文件")) from error


def _text(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        return text
    raise _refuse(1, _("编码须为 UTF-8 或 GB18030"))


def _head(row: list[str]) -> None:
    if tuple(row[: len(COLUMNS)]) != COLUMNS:
        raise _refuse(1, _("表头须为：%(columns)s") % {"columns": "、".join(COLUMNS)})


def _result(number: int, row: list[str]) -> BankResult:
    cells = [*row, *[""] * (len(COLUMNS) - len(row))][: len(COLUMNS)]
    reference, outcome, amount, bank_ref, day, reason = cells
    if outcome not in OUTCOMES:
        raise _refuse(number, _("结果须为：成功、退汇、失败"))
    if not reference or not bank_ref or len(bank_ref) > 64 or len(reason) > MAX_TEXT:
        raise _refuse(number, _("流水号为空或内容过长"))
    return BankResult(
        reference=reference,
        outcome=OUTCOMES[outcome],
        amount_fen=_fen(number, amount),
        bank_ref=bank_ref,
        value_date=_day(number, day),
        reason=reason,
        row_no=number,
    )


def _control(number: int, row: list[str], count: int, total: int) -> None:
    if len(row) < 3 or not (row[1].isascii() and row[1].isdigit()):
        raise _refuse(number, _("合计行须有笔数与金额"))
    if int(row[1]) != count:
        raise ControlTotalsError(data={"field": _("笔数"), "declared": row[1], "counted": count})
    declared = _fen(number, row[2])
    if declared != total:
        raise ControlTotalsError(
            data={"field": _("金额（分）"), "declared": declared, "counted": total}
        )


def _fen(number: int, text: str) -> int:
    try:
        fen = fen_from_yuan(text.replace(",", ""))
    except ValueError as error:
        raise _refuse(number, _("金额须为元，至多两位小数")) from error
    if not 0 <= fen <= MAX_FEN:
        raise _refuse(number, _("金额超出范围"))
    return fen


def _day(number: int, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise _refuse(number, _("日期须为 2026-03-09 的形式")) from error


def _refuse(number: int, reason: str) -> ReconFileError:
    return ReconFileError(data={"row": number, "reason": reason})
