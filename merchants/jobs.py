"""Long work of the merchants room: the import of an acquirer's list."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from core import clock
from core.jobs.models import Job
from core.jobs.progress import Progress
from core.jobs.registry import JobKind, job_kind_register
from merchants.imports.reports import problems_write, stores_write
from merchants.imports.run import ImportOutcome, merchants_import
from merchants.models import Acquirer
from merchants.services.imports import JOB_KIND, upload_path, upload_read


def merchants_import_run(job: Job, progress: Progress) -> Mapping[str, Any]:
    """Run an import job; the result says whether it was applied, and counts changes or faults."""
    params = job.params
    sha256 = params["sha256"]
    if _is_repeated(job):
        upload_path(UUID(params["upload"])).unlink(missing_ok=True)
        progress.message = _("与上次导入的文件相同，未作任何更改")
        return {"applied": True, "repeated": True, "changes": 0, "sha256": sha256}
    now = clock.now()
    progress.start(0, _("正在读取并校验"))
    with _unsealed(UUID(params["upload"]), params["key_version"]) as path:
        outcome = merchants_import(
            path=path,
            acquirer=Acquirer.objects.get(pk=params["acquirer_id"]),
            owner_region=job.owner_region,
            sha256=sha256,
            now=now,
            actor=job.created_by,
            advance=progress.advance,
        )
    progress.total = progress.done
    if outcome.is_applied:
        stores_write(job, outcome.stores, now)
    else:
        problems_write(job, outcome.problems, now)
    upload_path(UUID(params["upload"])).unlink(missing_ok=True)
    progress.message = _words(outcome)
    return {
        "applied": outcome.is_applied,
        "repeated": False,
        "rows": outcome.rows,
        "problems": outcome.problems.count,
        "changes": outcome.counts.total,
        "counts": outcome.counts.as_dict(),
        "sha256": sha256,
    }


def register() -> None:
    """Make the kinds of jobs known; called once when the app is ready."""
    job_kind_register(
        JobKind(
            kind=JOB_KIND,
            title="导入收单机构商户表",
            runner=merchants_import_run,
            action="merchants.import_merchant",
        )
    )


def _is_repeated(job: Job) -> bool:
    """Tell whether the last list applied for this acquirer and bureau was this very file."""
    last = (
        Job.objects.filter(
            kind=JOB_KIND,
            state=Job.State.DONE,
            owner_region=job.owner_region,
            params__acquirer_id=job.params["acquirer_id"],
            result__applied=True,
        )
        .order_by("-finished_at", "-pk")
        .first()
    )
    return last is not None and last.params["sha256"] == job.params["sha256"]


@contextmanager
def _unsealed(upload: UUID, key_version: int) -> Iterator[Path]:
    """Give the upload as a file that lives in memory only: no crash leaves it readable on disk."""
    content = upload_read(upload=upload, key_version=key_version)
    handle = os.memfd_create("merchants-import")
    try:
        with os.fdopen(handle, "wb", closefd=False) as stream:
            stream.write(content)
        yield Path(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)


def _words(outcome: ImportOutcome) -> str:
    if not outcome.is_applied:
        return _("文件有 %(count)s 处错误，未导入任何数据，请下载错误清单") % {
            "count": outcome.problems.count
        }
    counts = outcome.counts
    if not counts.total:
        return _("共 %(rows)s 行，与现有数据一致，未作任何更改") % {"rows": outcome.rows}
    return _(
        "共 %(rows)s 行：新增商户 %(merchants)s、门店 %(stores)s、终端 %(terminals)s，"
        "变更收款方 %(payees)s，其他更新 %(others)s"
    ) % {
        "rows": outcome.rows,
        "merchants": counts.merchants_new,
        "stores": counts.stores_new,
        "terminals": counts.terminals_new,
        "payees": counts.payees_changed,
        "others": counts.merchants_changed + counts.stores_changed + counts.terminals_moved,
    }
