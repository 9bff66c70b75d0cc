"""Secrets at rest: AES-256-GCM boxes under versioned keys of the environment."""

import os
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

NONCE_BYTES: Final = 12


class SecretBoxError(Exception):
    """A box cannot be opened: its key version is gone or the box was changed."""


def secret_seal(secret: bytes, *, context: str) -> tuple[bytes, int]:
    """Return the box and the version of the key it was sealed with.

    ``context`` (the key id of a client) is bound to the box: it opens with the same one only.
    """
    keys: dict[int, bytes] = settings.XFQ_SECRET_KEYS
    version = max(keys)
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher(keys[version]).encrypt(nonce, secret, context.encode()), version


def secret_open(box: bytes, *, version: int, context: str) -> bytes:
    """Return the secret of a box.

    Raises:
        SecretBoxError: no key of that version, another context, or a changed box.
    """
    key: bytes | None = settings.XFQ_SECRET_KEYS.get(version)
    if key is None:
        raise SecretBoxError(f"no encryption key of version {version}")
    try:
        return _cipher(key).decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], context.encode())
    except InvalidTag as error:
        raise SecretBoxError("the box does not open") from error


@lru_cache(maxsize=16)
def _cipher(key: bytes) -> AESGCM:
    """Derive the 256-bit key of this purpose, so that a key of any length serves."""
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"xfq client secret")
    return AESGCM(derived.derive(key))
