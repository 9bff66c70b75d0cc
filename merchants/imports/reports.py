"""The files an import leaves behind: its faults, or the store numbers it gave."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from core.jobs.files import job_file_write
from core.jobs.models import Job
from core.tabular import Column, csv_chunks, xlsx_write
from merchants.imports.problems import PROBLEMS_MAX, Problem, Problems

ERRORS = "errors"
RESULT = "result"


def problems_write(job: Job, problems: Problems, now: datetime) -> None:
    """Write every fault (row, column, reason) as CSV and as a workbook."""
    columns = [Column(_("行号"), width=8), Column(_("列"), width=20), Column(_("原因"), width=60)]
    items = list(problems)
    if problems.count > PROBLEMS_MAX:
        items.append(Problem(0, "", _("仅列出前 %(limit)s 处") % {"limit": PROBLEMS_MAX}))
    rows = [(item.row or "", item.column, item.reason) for item in items]
    _write(job, ERRORS, _("导入错误"), columns=columns, rows=rows, now=now)


def stores_write(job: Job, rows: Iterable[tuple[Any, ...]], now: datetime) -> None:
    """Write which store number every row has: tills send it (api.md, store_no)."""
    columns = [
        Column(_("行号"), width=8),
        Column(_("商户名称"), width=30),
        Column(_("门店名称"), width=30),
        Column(_("门店编号"), width=24),
        Column(_("收单商户号"), width=20),
        Column(_("终端号"), width=30),
    ]
    _write(job, RESULT, _("门店编号"), columns=columns, rows=list(rows), now=now)


def _write(
    job: Job,
    role: str,
    title: str,
    *,
    columns: list[Column],
    rows: list[tuple[Any, ...]],
    now: datetime,
) -> None:
    with job_file_write(job=job, role=role, name=f"{title}.csv", now=now) as stream:
        for chunk in csv_chunks(columns, rows):
            stream.write(chunk)
    with job_file_write(job=job, role=role, name=f"{title}.xlsx", now=now) as stream:
        xlsx_write(stream, sheet=title, columns=columns, rows=rows)
