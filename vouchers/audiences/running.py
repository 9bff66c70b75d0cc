"""The job that makes a list of an audience, of a file or of a segment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from core import clock
from core.errors import InvalidParametersError
from core.jobs.models import Job
from core.jobs.progress import Progress
from core.jobs.uploads import upload_drop, upload_named, upload_opened
from merchants.errors import ImportFileRefusedError
from vouchers.audiences.filling import (
    faults_write,
    members_from_file,
    members_from_segment,
    snapshot_refuse,
    snapshot_settle,
)
from vouchers.models import AudienceSnapshot
from vouchers.states import SnapshotState


def audience_list_run(job: Job, progress: Progress) -> Mapping[str, Any]:
    """Make a list; the result counts its rows, its faulty ones, and its members."""
    snapshot = AudienceSnapshot.objects.select_related("audience").get(pk=job.params["snapshot"])
    refusal, faults = "", 0
    if snapshot.state == SnapshotState.CHECKING:
        progress.start(0, _("正在读取并校验"))
        try:
            if snapshot.segment:
                members_from_segment(snapshot=snapshot)
                refusal = snapshot_settle(snapshot=snapshot, rows=0)
            else:
                with upload_opened(upload_named(job.params)) as path:
                    refusal, faults = _from_file(snapshot, path, job, progress)
        except (ImportFileRefusedError, InvalidParametersError) as error:
            snapshot_refuse(snapshot=snapshot)
            refusal = "；".join(param.reason for param in error.invalid_params)
        progress.total = progress.done
    if not snapshot.segment:
        upload_drop(upload_named(job.params).id)
    snapshot.refresh_from_db()
    progress.message = refusal or _("共 %(members)s 人") % {"members": snapshot.members}
    return {
        "rows": snapshot.rows,
        "faults": faults,
        "members": snapshot.members,
        "accepted": snapshot.state != SnapshotState.REFUSED,
        "members_sha256": snapshot.members_sha256,
    }


def _from_file(
    snapshot: AudienceSnapshot, path: Path, job: Job, progress: Progress
) -> tuple[str, int]:
    faults = faults_write(snapshot=snapshot, path=path, job=job, now=clock.now())
    if faults:
        snapshot_refuse(snapshot=snapshot)
        refusal = _("有 %(count)s 行有误，整份名单未采用；请下载错误清单，改正后重新上传")
        return refusal % {"count": faults}, faults
    rows = members_from_file(snapshot=snapshot, path=path, advance=progress.advance)
    return snapshot_settle(snapshot=snapshot, rows=rows), 0
