"""Request signing (api.md, Conventions): pure functions, shared by every way in and by clients.

String to sign, each line ended by LF: ``XFQ1``, algorithm, method, path with raw query, client id,
key id, timestamp, nonce, idempotency key or empty, hex digest of the raw body by the key's
algorithm. The signature is the base64 of the HMAC of that string.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import quote

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

VERSION: Final = "XFQ1"
HMAC_SHA256: Final = "HMAC-SHA256"
HMAC_SM3: Final = "HMAC-SM3"
ALGORITHMS: Final = frozenset({HMAC_SHA256, HMAC_SM3})
TIMESTAMP_TOLERANCE_S: Final = 300

CLIENT_HEADER: Final = "X-Client-Id"
KEY_HEADER: Final = "X-Key-Id"
ALGORITHM_HEADER: Final = "X-Alg"
TIMESTAMP_HEADER: Final = "X-Timestamp"
NONCE_HEADER: Final = "X-Nonce"
SIGNATURE_HEADER: Final = "X-Signature"
IDEMPOTENCY_HEADER: Final = "Idempotency-Key"

NONCE_PATTERN: Final = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)
ID_PATTERN: Final = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
TIMESTAMP_PATTERN: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_PATH_SAFE: Final = "/:@!$&'()*+,;=-._~"


class SignedRequest(NamedTuple):
    """What a signature covers; ``target`` is the path with the raw query (`signing_target`)."""

    algorithm: str
    method: str
    target: str
    client_id: str
    key_id: str
    timestamp: str
    nonce: str
    idempotency_key: str
    body: bytes


def signing_target(path: str, raw_query: str) -> str:
    """Join a decoded path and the raw query as they are signed.

    The path is written percent-encoded with RFC 3986 path characters left as they are, so that
    servers which hand over only the decoded path agree with the client.
    """
    encoded = quote(path, safe=_PATH_SAFE)
    return f"{encoded}?{raw_query}" if raw_query else encoded


def body_digest(algorithm: str, body: bytes) -> str:
    """Return the hex digest of the raw body; ValueError for an unknown algorithm."""
    if algorithm == HMAC_SHA256:
        return hashlib.sha256(body).hexdigest()
    if algorithm != HMAC_SM3:
        raise ValueError(f"unknown algorithm: {algorithm!r}")
    digest = hashes.Hash(hashes.SM3())
    digest.update(body)
    return digest.finalize().hex()


def string_to_sign(request: SignedRequest) -> bytes:
    """Return the bytes the HMAC is taken of."""
    lines = (
        VERSION,
        request.algorithm,
        request.method.upper(),
        request.target,
        request.client_id,
        request.key_id,
        request.timestamp,
        request.nonce,
        request.idempotency_key,
        body_digest(request.algorithm, request.body),
        "",
    )
    return "\n".join(lines).encode()


def request_mac(secret: bytes, request: SignedRequest) -> bytes:
    """Return the raw HMAC of the request; ValueError for an unknown algorithm."""
    message = string_to_sign(request)
    if request.algorithm == HMAC_SHA256:
        return hmac.digest(secret, message, "sha256")
    mac = HMAC(secret, hashes.SM3())
    mac.update(message)
    return mac.finalize()


def request_sign(secret: bytes, request: SignedRequest) -> str:
    """Return the value of the X-Signature header."""
    return base64.b64encode(request_mac(secret, request)).decode()


def signature_matches(secret: bytes, request: SignedRequest, signature: str) -> bool:
    """Compare in constant time; a signature that is not base64 does not match."""
    try:
        given = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(request_mac(secret, request), given)


def signed_headers(secret: bytes, request: SignedRequest) -> dict[str, str]:
    """Return all headers a client sends with the request."""
    headers = {
        CLIENT_HEADER: request.client_id,
        KEY_HEADER: request.key_id,
        ALGORITHM_HEADER: request.algorithm,
        TIMESTAMP_HEADER: request.timestamp,
        NONCE_HEADER: request.nonce,
        SIGNATURE_HEADER: request_sign(secret, request),
    }
    if request.idempotency_key:
        headers[IDEMPOTENCY_HEADER] = request.idempotency_key
    return headers


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What a client holds to sign its requests."""

    client_id: str
    key_id: str
    algorithm: str
    secret: bytes = field(repr=False)


def call_headers(
    key: SigningKey,
    *,
    method: str,
    target: str,
    timestamp: int,
    body: bytes = b"",
    idempotency_key: str = "",
) -> dict[str, str]:
    """Return the headers of one call with a fresh nonce; ``timestamp`` is real time in seconds.

    ``target`` is the path with the raw query exactly as it is sent.
    """
    return signed_headers(
        key.secret,
        SignedRequest(
            algorithm=key.algorithm,
            method=method,
            target=target,
            client_id=key.client_id,
            key_id=key.key_id,
            timestamp=str(timestamp),
            nonce=secrets.token_urlsafe(18),
            idempotency_key=idempotency_key,
            body=body,
        ),
    )
