"""Idempotency keys (api.md, Conventions); knows no web framework.

The key and the fingerprint lie on the fact row, unique per client and operation, and are looked up
before any rule. The same key with another fingerprint is refused.
"""

import hashlib
import re
from typing import Final, NamedTuple

import orjson
from django.utils.translation import gettext as _

from core.errors import DomainError, InvalidParam, InvalidParametersError

KEY_PATTERN: Final = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
REPLAY_HEADER: Final = "Idempotent-Replay"


class KeyRequiredError(DomainError):
    """A state-changing request came without an idempotency key."""

    code = "request.idempotency_key_required"


class KeyReusedError(DomainError):
    """The key was used for another request."""

    code = "idempotency.key_reused"


class Idempotency(NamedTuple):
    """The key of a request and the fingerprint (64 hex digits) of what it asks for."""

    key: str
    fingerprint: str


NO_KEY: Final = Idempotency("", "")
"""Of an operation that its nonce protects."""


def idempotency_read(*, key: str, method: str, path: str, body: bytes) -> Idempotency:
    """Check the header's value and take the fingerprint.

    Raises:
        KeyRequiredError: the header is missing.
        InvalidParametersError: not 16–64 of ``[A-Za-z0-9_-]``.
    """
    idempotency_key_check(key)
    return Idempotency(key, request_fingerprint(method=method, path=path, body=body))


def idempotency_key_check(key: str) -> None:
    """Refuse what is no key.

    Raises:
        KeyRequiredError: the header is missing.
        InvalidParametersError: not 16–64 of ``[A-Za-z0-9_-]``.
    """
    if not key:
        raise KeyRequiredError
    if not KEY_PATTERN.fullmatch(key):
        raise InvalidParametersError(
            invalid_params=[
                InvalidParam("Idempotency-Key", _("须为 16–64 位字母、数字、下划线或连字符"))
            ]
        )


def request_fingerprint(*, method: str, path: str, body: bytes) -> str:
    """Return the SHA-256 (hex) over method, path and body: what "the same body" means.

    JSON is taken in canonical form, so a client whose library writes the members in another order
    at the second attempt still repeats itself; anything else is taken byte for byte.
    """
    try:
        canonical = orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        canonical = body
    return hashlib.sha256(_counted(method.upper()) + _counted(path) + canonical).hexdigest()


def _counted(text: str) -> bytes:
    part = text.encode()
    return len(part).to_bytes(4, "big") + part


def replay_check(*, stored: str, given: str) -> None:
    """Refuse a known key that comes with another body.

    Raises:
        KeyReusedError: the fingerprints differ.
    """
    if stored != given:
        raise KeyReusedError
