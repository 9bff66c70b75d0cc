"""The files a grant leaves behind: rows that name nobody, and what became of everybody else.

PostgreSQL writes them (COPY TO): a million lines cost seconds and no memory. They hold account
numbers of the channel and reasons, never what stood in a faulty row.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from core.errors.catalogue import CATALOGUE
from core.jobs.files import job_file_write
from core.jobs.models import Job
from core.tabular import Column, csv_chunks
from core.transactions import transaction
from vouchers.models import Grant

ERRORS = "errors"
RESULT = "result"

_FAULTS = """
    COPY (SELECT line, replace(%(words)s::jsonb ->> fault, '{line}', coalesce(first::text, ''))
            FROM grant_found WHERE fault IS NOT NULL ORDER BY line)
    TO STDOUT (FORMAT csv)
"""
# A spreadsheet would take a text that begins like a formula for one.
_OUTCOMES = """
    COPY (
        WITH chunk AS (
            SELECT id, number, lines, people, refused FROM vouchers_grantchunk
             WHERE grant_id = %(grant)s AND decided_at IS NOT NULL
        ), reason AS (
            SELECT chunk.id, at.place::int AS place,
                   string_agg(%(words)s::jsonb ->> by.code, '；' ORDER BY by.code) AS words
              FROM chunk, jsonb_each(refused) AS by(code, places),
                   jsonb_array_elements_text(by.places) AS at(place)
             GROUP BY 1, 2)
        SELECT row.line, regexp_replace(e.external_id, '^([=+@-])', '''\\1'),
               CASE WHEN reason.id IS NULL THEN %(granted)s ELSE %(refused)s END, reason.words
          FROM chunk CROSS JOIN LATERAL unnest(lines, people)
               WITH ORDINALITY AS row(line, person_id, place)
          JOIN vouchers_enrolment e ON e.id = row.person_id
          LEFT JOIN reason ON reason.id = chunk.id AND reason.place = row.place - 1
         ORDER BY row.line)
    TO STDOUT (FORMAT csv)
"""
STATEMENT_TIMEOUT_MS = 300_000


def fault_words() -> dict[str, str]:
    """Return what is wrong with a row, by code; ``{line}`` is the row that came first."""
    return {
        "UNKNOWN": _("该渠道没有此用户"),
        "OTHER_CHANNEL": _("用户属于其他渠道"),
        "DUPLICATE": _("与第 {line} 行重复"),
        "FORMAT": _("不是渠道用户号或用户编号"),
        "CELL": _("单元格是公式，或长数字已丢失精度，请设为文本格式"),
    }


def faults_write(*, job: Job, now: datetime) -> None:
    """Write row number and reason of every faulty row that `list_stage` found."""
    columns = [Column(_("行号")), Column(_("原因"))]
    file = _File(job, ERRORS, _("名单错误"), now)
    _write(file, columns, _FAULTS, {"words": _json(fault_words())})


def outcomes_write(*, grant: Grant, job: Job, now: datetime) -> None:
    """Write what became of every person of a grant: row number, account, outcome, reasons."""
    columns = [Column(_("行号")), Column(_("渠道用户号")), Column(_("结果")), Column(_("原因"))]
    values = {
        "grant": grant.pk,
        "words": _json({code: text.title_zh for code, text in CATALOGUE.items()}),
        "granted": _("已发放"),
        "refused": _("未发放"),
    }
    with transaction(statement_timeout_ms=STATEMENT_TIMEOUT_MS):
        _write(_File(job, RESULT, _("发放结果"), now), columns, _OUTCOMES, values)


@dataclass(frozen=True, slots=True)
class _File:
    job: Job
    role: str
    title: str
    now: datetime


def _write(file: _File, columns: Sequence[Column], sql: str, values: Mapping[str, Any]) -> None:
    name = f"{file.title}.csv"
    with (
        job_file_write(job=file.job, role=file.role, name=name, now=file.now) as stream,
        connection.cursor() as cursor,
    ):
        for heading in csv_chunks(columns, ()):
            stream.write(heading)
        with cursor.copy(sql, values) as copy:
            for block in copy:
                stream.write(block)


def _json(words: Mapping[str, str]) -> str:
    return json.dumps(words, ensure_ascii=False)
