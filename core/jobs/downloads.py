"""Giving a job's file to a member of staff: permission, region scope, and a line in the log."""

from datetime import datetime
from pathlib import Path

from core.access.models import User
from core.access.scope import ScopeFields, scope_queryset
from core.audit.services import audit_record
from core.errors import DomainError
from core.jobs.files import job_file_path
from core.jobs.models import JobFile
from core.jobs.registry import job_kind
from core.transactions import transaction_joined

FILE_SCOPE = ScopeFields(owner="job__owner_region", organisation="job__created_by__organisation")


def job_file_download(*, file_id: int, user: User, now: datetime) -> tuple[JobFile, Path]:
    """Return a file and where it lies, and log that ``user`` took it.

    Raises:
        DomainError: ``access.not_found`` if it does not exist, lies in another region or belongs
            to another organisation, or the kind's permission is missing.
        JobFileChangedError: the stored file is not the one that was written.
    """
    file = JobFile.objects.select_related("job").filter(pk=file_id).first()
    if file is None:
        raise DomainError("access.not_found")
    action = job_kind(file.job.kind).action
    visible = scope_queryset(JobFile.objects.filter(pk=file_id), user, FILE_SCOPE, action=action)
    if not visible.exists():
        raise DomainError("access.not_found")
    path = job_file_path(file)
    with transaction_joined():
        audit_record(
            action="job.download",
            subject_type="job_file",
            subject_id=file.pk,
            now=now,
            actor=user,
            owner_region=file.job.owner_region,
            data={"job": file.job.pk, "name": file.name, "sha256": file.sha256},
        )
    return file, path
