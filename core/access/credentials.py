"""Credentials of clients as the ways in need them: one query, kept for a second per process."""

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from core.access.models import ClientKey
from core.access.secret_box import secret_open

MAX_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class ClientPrincipal:
    """The client of a request: ``request.user`` and ``request.auth`` of every API view."""

    id: UUID
    code: str
    kind: str
    organisation_id: UUID
    owner_region: str
    operations: frozenset[str]
    rate_per_minute: int
    person_rate_per_minute: int

    is_authenticated = True
    is_active = True
    is_staff = False
    is_anonymous = False

    @property
    def pk(self) -> UUID:
        """The client's id, by the name Django's tools use."""
        return self.id

    def __str__(self) -> str:
        """Return the code, for logs."""
        return self.code


@dataclass(frozen=True, slots=True)
class Credentials:
    """A signing key with its client."""

    key_id: str
    algorithm: str
    secret: bytes = field(repr=False)
    revoked_at: datetime | None
    client_is_active: bool
    client: ClientPrincipal


_lock = threading.Lock()
_kept: dict[str, tuple[float, Credentials]] = {}


def credentials_of(key_id: str) -> Credentials | None:
    """Return the credentials of a key id, at most `XFQ_CREDENTIALS_KEPT_S` seconds old."""
    kept = credentials_kept(key_id)
    if kept:
        return kept
    credentials = _read(key_id)
    # An unknown key is not kept: names made up by a stranger must not fill the memory.
    if credentials:
        with _lock:
            if len(_kept) >= MAX_KEPT:
                _kept.clear()
            _kept[key_id] = (time.monotonic(), credentials)
    return credentials


def credentials_kept(key_id: str) -> Credentials | None:
    """Return what this process still keeps of a key; never asks the database."""
    kept = _kept.get(key_id)
    if kept and time.monotonic() - kept[0] < settings.XFQ_CREDENTIALS_KEPT_S:
        return kept[1]
    return None


def credentials_forget() -> None:
    """Forget what this process keeps, after a key or client changed."""
    with _lock:
        _kept.clear()


def _read(key_id: str) -> Credentials | None:
    row: Any = ClientKey.objects.select_related("client").filter(key_id=key_id).first()
    if row is None:
        return None
    client = row.client
    return Credentials(
        key_id=key_id,
        algorithm=row.algorithm,
        secret=secret_open(bytes(row.secret_box), version=row.secret_version, context=key_id),
        revoked_at=row.revoked_at,
        client_is_active=client.is_active,
        client=ClientPrincipal(
            id=client.pk,
            code=client.code,
            kind=client.kind,
            organisation_id=client.organisation_id,
            owner_region=client.owner_region,
            operations=frozenset(client.operations),
            rate_per_minute=client.rate_per_minute,
            person_rate_per_minute=client.person_rate_per_minute,
        ),
    )
