"""Long work of the vouchers room: lists of grants and of audiences, and granting."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.utils.translation import gettext as _

from core import clock
from core.errors import InvalidParametersError
from core.jobs.models import Job
from core.jobs.progress import Progress
from core.jobs.registry import JobKind, job_kind_register
from core.jobs.uploads import upload_drop, upload_named, upload_opened
from core.transactions import transaction_joined
from merchants.errors import ImportFileRefusedError
from vouchers.audiences.running import audience_list_run
from vouchers.grants.checking import list_check
from vouchers.grants.reports import outcomes_write
from vouchers.grants.running import grant_run
from vouchers.locks import grant_lock
from vouchers.models import Grant
from vouchers.services.audiences import FILL_JOB
from vouchers.services.grants import CHECK_JOB, GRANT_JOB, grant_job_create, grant_move
from vouchers.states import GrantState

DOWNLOAD = "vouchers.download_grant"
DOWNLOAD_FAULTS = "vouchers.download_audiencesnapshot"


def grant_check_run(job: Job, progress: Progress) -> Mapping[str, Any]:
    """Read and check a list; the result counts its rows and those who can be granted."""
    grant = Grant.objects.get(pk=job.params["grant"])
    upload, refusal = upload_named(job.params), ""
    if grant.state == GrantState.CHECKING:
        progress.start(0, _("正在读取并校验"))
        try:
            with upload_opened(upload) as path:
                list_check(
                    grant_id=grant.pk, path=path, job=job, now=clock.now(), advance=progress.advance
                )
        except (ImportFileRefusedError, InvalidParametersError) as error:
            _refuse(grant.pk)
            refusal = "；".join(param.reason for param in error.invalid_params)
        except IntegrityError as error:
            if "grant_list_once" not in str(error):
                raise
            _refuse(grant.pk)
            refusal = _("该名单已为同一批次发放或正在办理，请只上传尚未发放的人员")
        progress.total = progress.done
    upload_drop(upload.id)
    grant.refresh_from_db()
    progress.message = refusal or _words(grant)
    return {
        "rows": grant.rows,
        "people": grant.people,
        "faults": grant.rows - grant.people,
        "accepted": grant.state != GrantState.REFUSED,
        "people_sha256": grant.people_sha256,
    }


def grant_run_job(job: Job, progress: Progress) -> Mapping[str, Any]:
    """Grant who is still without an outcome; writes what became of everybody at the end."""
    grant = Grant.objects.get(pk=job.params["grant"])
    progress.start(grant.people, _("正在发放"))
    progress.advance(grant.granted + grant.refused)
    is_done = grant_run(grant_id=grant.pk, now=clock.now, advance=progress.advance)
    grant.refresh_from_db()
    if is_done:
        outcomes_write(grant=grant, job=job, now=clock.now())
    else:
        _go_on(grant.pk, job)
    progress.message = _("已发放 %(granted)s 人，未发放 %(refused)s 人") % {
        "granted": grant.granted,
        "refused": grant.refused,
    }
    return {
        "people": grant.people,
        "granted": grant.granted,
        "refused": grant.refused,
        "done": is_done,
    }


def register() -> None:
    """Make the kinds of jobs known; called when the app is ready."""
    job_kind_register(
        JobKind(kind=CHECK_JOB, title="校验发放名单", runner=grant_check_run, action=DOWNLOAD)
    )
    job_kind_register(
        JobKind(kind=GRANT_JOB, title="定向发放", runner=grant_run_job, action=DOWNLOAD)
    )
    job_kind_register(
        JobKind(
            kind=FILL_JOB, title="生成人群名单", runner=audience_list_run, action=DOWNLOAD_FAULTS
        )
    )


def _refuse(grant_id: UUID) -> None:
    with transaction_joined():
        grant_move(grant_lock(grant_id), GrantState.REFUSED)


def _go_on(grant_id: UUID, job: Job) -> None:
    with transaction_joined():
        grant_job_create(grant_lock(grant_id), created_by=job.created_by, now=clock.now())


def _words(grant: Grant) -> str:
    if grant.state == GrantState.REFUSED:
        return _("名单中没有可发放的人员，请下载错误清单")
    return _("共 %(rows)s 行：可发放 %(people)s 人，无效 %(faults)s 行") % {
        "rows": grant.rows,
        "people": grant.people,
        "faults": grant.rows - grant.people,
    }
