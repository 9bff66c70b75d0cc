"""Signing keys of clients: issue, rotate, revoke. A secret is shown once, at issue."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db import transaction

from core.access.credentials import credentials_forget
from core.access.errors import ReasonRequiredError, TooManyKeysError
from core.access.models import Client, ClientKey, User
from core.access.secret_box import secret_open, secret_seal
from core.audit.services import audit_record
from core.transactions import transaction_joined

MAX_ACTIVE_KEYS: Final = 2
SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key; ``secret`` is the text whose UTF-8 bytes are the HMAC key."""

    key: ClientKey
    secret: str = field(repr=False)


def client_key_issue(
    *,
    client: Client,
    now: datetime,
    algorithm: ClientKey.Algorithm = ClientKey.Algorithm.HMAC_SHA256,
    actor: User | None = None,
) -> IssuedKey:
    """Make a key; the secret is returned here and nowhere else.

    Raises:
        TooManyKeysError: two keys are active already.
    """
    with transaction_joined():
        Client.objects.select_for_update(no_key=True).get(pk=client.pk)
        if _active(client) >= MAX_ACTIVE_KEYS:
            raise TooManyKeysError(data={"limit": MAX_ACTIVE_KEYS})
        key_id = f"k{secrets.token_hex(8)}"
        secret = secrets.token_urlsafe(SECRET_BYTES)
        box, version = secret_seal(secret.encode(), context=key_id)
        key = ClientKey.objects.create(
            client=client,
            key_id=key_id,
            algorithm=algorithm,
            secret_box=box,
            secret_version=version,
            created_at=now,
        )
        _audit(key, "client_key.issue", now, actor)
    return IssuedKey(key, secret)


def client_key_rotate(*, client: Client, now: datetime, actor: User | None = None) -> IssuedKey:
    """Issue the successor of the newest active key, with its algorithm.

    The old key works on until it is revoked, so the client changes over without a gap.

    Raises:
        TooManyKeysError: a rotation is under way; revoke the old key first.
    """
    newest = ClientKey.objects.filter(client=client).order_by("-created_at", "-pk").first()
    algorithm = ClientKey.Algorithm(newest.algorithm) if newest else None
    return client_key_issue(
        client=client,
        now=now,
        algorithm=algorithm or ClientKey.Algorithm.HMAC_SHA256,
        actor=actor,
    )


def client_key_revoke(
    *, key: ClientKey, reason: str, now: datetime, actor: User | None = None
) -> ClientKey:
    """Revoke a key for good; revoking it again changes nothing.

    Here it stops with the commit, in other processes within a second.

    Raises:
        ReasonRequiredError: ``reason`` is empty.
    """
    if not reason.strip():
        raise ReasonRequiredError
    with transaction_joined():
        changed = ClientKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(
            revoked_at=now
        )
        if changed:
            _audit(key, "client_key.revoke", now, actor, reason)
        transaction.on_commit(credentials_forget)
    key.refresh_from_db()
    return key


def client_key_secret(*, client: Client) -> tuple[ClientKey, bytes] | None:
    """Return the newest active key with its secret, for a command that signs as the client."""
    key = (
        ClientKey.objects.filter(client=client, revoked_at__isnull=True)
        .order_by("-created_at", "-pk")
        .first()
    )
    if key is None:
        return None
    secret = secret_open(bytes(key.secret_box), version=key.secret_version, context=key.key_id)
    return key, secret


def _active(client: Client) -> int:
    return ClientKey.objects.filter(client=client, revoked_at__isnull=True).count()


def _audit(
    key: ClientKey, action: str, now: datetime, actor: User | None, reason: str = ""
) -> None:
    audit_record(
        action=action,
        subject_type="client",
        subject_id=key.client_id,
        now=now,
        actor=actor,
        owner_region=key.client.owner_region,
        reason=reason,
        data={"key_id": key.key_id, "algorithm": key.algorithm},
    )
