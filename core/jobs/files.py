"""Files of jobs: written to ``.tmp``, synced, renamed, hashed; read back only if unchanged."""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from django.conf import settings

from core.jobs.errors import JobFileChangedError
from core.jobs.models import Job, JobFile

READ_BYTES = 1 << 20
_UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*]+')


@contextmanager
def job_file_write(*, job: Job, role: str, name: str, now: datetime) -> Iterator[IO[bytes]]:
    """Open a file of a job for writing and reading; it exists for others only when complete.

    On leaving the block the file is synced, renamed and recorded with its SHA-256; a job that is
    run again replaces what it wrote under the same ``role`` and ``name``. If the block raises,
    nothing is left behind.
    """
    relative = f"{job.pk}/{_safe(role)}-{_safe(name)}"
    target = Path(settings.FILES_DIR) / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w+b") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        digest, size = file_digest(temporary)
        temporary.replace(target)
        _sync_folder(target.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    JobFile.objects.update_or_create(
        job=job,
        role=role,
        name=name,
        defaults={"path": relative, "sha256": digest, "size": size, "created_at": now},
    )


def job_file_path(file: JobFile) -> Path:
    """Return where the file lies, after checking that it is still what was hashed.

    Raises:
        JobFileChangedError: it is missing or has other content.
    """
    path = Path(settings.FILES_DIR) / file.path
    try:
        unchanged = file_digest(path) == (file.sha256, file.size)
    except OSError as error:
        raise JobFileChangedError(f"job file {file.pk} cannot be read") from error
    if not unchanged:
        raise JobFileChangedError(f"job file {file.pk} has other content than recorded")
    return path


def file_digest(path: Path) -> tuple[str, int]:
    """Return SHA-256 and size of a file."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as stream:
        while block := stream.read(READ_BYTES):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def _safe(name: str) -> str:
    cleaned = _UNSAFE.sub("_", name).lstrip(".")
    # 255 bytes is the limit of common file systems; the suffix is kept.
    stem, dot, suffix = cleaned.rpartition(".")
    return f"{(stem or suffix)[:60]}{dot}{suffix[:10] if stem else ''}" or "file"


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
