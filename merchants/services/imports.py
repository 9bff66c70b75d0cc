"""Starting an import: the upload is kept sealed until its job has run, then it is gone.

The list holds raw telephone and account numbers; nothing readable is left on disk (architecture.md,
Personal data).
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from core.access.models import User
from core.access.region_codes import regions_overlap
from core.access.secret_box import secret_open, secret_seal
from core.errors import InvalidParametersError
from core.ids import new_id
from core.jobs.models import Job
from core.jobs.services import job_create
from merchants.errors import ImportFileRefusedError
from merchants.imports.limits import FILE_BYTES
from merchants.models import Acquirer

JOB_KIND = "merchants.import"
_FOLDER = "uploads"


def merchants_import_start(
    *,
    acquirer: Acquirer,
    owner_region: str,
    name: str,
    chunks: Iterable[bytes],
    now: datetime,
    created_by: User,
) -> Job:
    """Keep an uploaded list and queue its import for the bureau of ``owner_region``.

    Raises:
        ImportFileRefusedError: larger than 20 MB.
        InvalidParametersError: the acquirer does not serve the region.
    """
    if not regions_overlap(acquirer.owner_region, owner_region):
        raise InvalidParametersError.one("owner_region", _("收单机构不在该地区"))
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > FILE_BYTES:
            reason = _("文件超过 %(limit)s MB") % {"limit": FILE_BYTES >> 20}
            raise ImportFileRefusedError(reason)
    upload = new_id()
    box, version = secret_seal(bytes(content), context=str(upload))
    path = upload_path(upload)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(box)
    return job_create(
        kind=JOB_KIND,
        title=_("导入商户表：%(name)s") % {"name": name[:120]},
        params={
            "acquirer_id": acquirer.pk,
            "upload": upload,
            "key_version": version,
            "name": name[:120],
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        },
        owner_region=owner_region,
        created_by=created_by,
        now=now,
    )


def upload_path(upload: UUID) -> Path:
    """Return where the sealed upload lies while its job has not run."""
    return Path(settings.FILES_DIR) / _FOLDER / f"{upload}.box"


def upload_read(*, upload: UUID, key_version: int) -> bytes:
    """Return the content of an upload.

    Raises:
        ImportFileRefusedError: it is gone: the job has run before.
    """
    try:
        box = upload_path(upload).read_bytes()
    except FileNotFoundError as error:
        reason = _("上传的文件已清除，请重新上传")
        raise ImportFileRefusedError(reason) from error
    return secret_open(box, version=key_version, context=str(upload))
