"""Uploads that wait for their job: sealed on disk, opened in memory only, gone afterwards.

A list may hold numbers of people that nobody expects in it; no crash leaves it readable
(architecture.md, Personal data). Sealed piece by piece, so that size costs no memory.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from core.access.secret_box import SecretBoxError, secret_open, secret_seal
from core.errors import InvalidParametersError
from core.ids import new_id

_FOLDER = "uploads"
_LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True)
class Upload:
    """What a job needs to know to open an upload; ``size`` in bytes."""

    id: UUID
    key_version: int
    size: int
    sha256: str


def upload_keep(*, chunks: Iterable[bytes], most_bytes: int) -> Upload:
    """Seal an upload and keep it until `upload_drop`.

    Raises:
        InvalidParametersError: empty, or larger than ``most_bytes``; nothing is kept.
    """
    upload = new_id()
    path = upload_path(upload)
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, size, version = hashlib.sha256(), 0, 0
    try:
        with path.open("wb") as stream:
            for number, chunk in enumerate(chunks):
                size += len(chunk)
                if size > most_bytes:
                    reason = _("文件超过 %(limit)s MB") % {"limit": most_bytes >> 20}
                    raise InvalidParametersError.one("file", reason)
                digest.update(chunk)
                box, version = secret_seal(chunk, context=f"{upload}:{number}")
                stream.write(len(box).to_bytes(_LENGTH_BYTES, "big") + box)
            stream.flush()
            os.fsync(stream.fileno())
        if not size:
            raise InvalidParametersError.one("file", _("文件为空"))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Upload(upload, version, size, digest.hexdigest())


def upload_named(params: Mapping[str, Any]) -> Upload:
    """Return the upload that the parameters of its job name: upload, key_version, size, sha256."""
    return Upload(UUID(params["upload"]), params["key_version"], params["size"], params["sha256"])


@contextmanager
def upload_opened(upload: Upload) -> Iterator[Path]:
    """Give an upload as a file that lives in memory only.

    Raises:
        InvalidParametersError: it is gone: its job has run before.
        SecretBoxError: it was changed, or its key is gone.
    """
    handle = os.memfd_create("upload")
    try:
        with os.fdopen(handle, "wb", closefd=False) as stream:
            for number, box in enumerate(_boxes(upload.id)):
                context = f"{upload.id}:{number}"
                stream.write(secret_open(box, version=upload.key_version, context=context))
            if stream.tell() != upload.size:
                raise SecretBoxError("pieces of the upload are missing")
        yield Path(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)


def upload_drop(upload_id: UUID) -> None:
    """Delete an upload; deleting twice does no harm."""
    upload_path(upload_id).unlink(missing_ok=True)


def upload_path(upload_id: UUID) -> Path:
    """Return where a sealed upload lies while its job has not run."""
    return Path(settings.FILES_DIR) / _FOLDER / f"{upload_id}.box"


def _boxes(upload_id: UUID) -> Iterator[bytes]:
    try:
        with upload_path(upload_id).open("rb") as stream:
            while head := stream.read(_LENGTH_BYTES):
                yield stream.read(int.from_bytes(head, "big"))
    except FileNotFoundError as error:
        reason = _("上传的文件已清除，请重新上传")
        raise InvalidParametersError.one("file", reason) from error
