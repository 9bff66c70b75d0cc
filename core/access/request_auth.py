"""Authenticate a signed request; knows no web framework, so that every way in shares it."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from core.access.credentials import ClientPrincipal, Credentials, credentials_of
from core.access.signing import (
    ALGORITHM_HEADER,
    ALGORITHMS,
    CLIENT_HEADER,
    ID_PATTERN,
    IDEMPOTENCY_HEADER,
    KEY_HEADER,
    NONCE_HEADER,
    NONCE_PATTERN,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    TIMESTAMP_PATTERN,
    TIMESTAMP_TOLERANCE_S,
    SignedRequest,
    signature_matches,
)
from core.errors import DomainError
from core.valkey import keys_claim

HeaderGetter = Callable[[str], str]
REPLACING_METHODS: Final = frozenset({"PUT", "PATCH", "DELETE"})
_VISIBLE: Final = re.compile(r"[!-~]{1,200}", re.ASCII)


class SignatureInvalidError(DomainError):
    """A header is missing or malformed, or the signature does not match."""

    code = "auth.signature_invalid"


class TimestampOutOfRangeError(DomainError):
    """The request was signed more than 300 s away from real time."""

    code = "auth.timestamp_out_of_range"


class NonceReplayedError(DomainError):
    """The nonce was seen before."""

    code = "auth.nonce_replayed"


class KeyUnknownError(DomainError):
    """No such key, or it belongs to another client."""

    code = "auth.key_unknown"


class KeyRevokedError(DomainError):
    """The key was revoked or its client is switched off."""

    code = "auth.key_revoked"


class IncomingRequest(NamedTuple):
    """What arrived: ``header(name)`` gives a header or an empty text; ``target`` as signed."""

    method: str
    target: str
    header: HeaderGetter
    body: bytes


def request_authenticate(request: IncomingRequest, *, wall: datetime) -> ClientPrincipal:
    """Return the client that signed the request; ``wall`` is real time.

    The signature is checked before the nonce is used up, so that a stranger cannot spend nonces.

    Raises:
        SignatureInvalidError, TimestampOutOfRangeError, KeyUnknownError, KeyRevokedError,
        NonceReplayedError: 401 with the codes of api.md.
        DomainError: infra.try_later, if a nonce that must be unique cannot be checked.
    """
    signed = request_read(request, wall=wall)
    client = request_verify(request, signed, credentials_of(signed.key_id))
    if needs_nonce(signed.method, signed.idempotency_key):
        (error,) = nonces_spend([Nonce(client.code, signed.nonce, signed.method)])
        if error is not None:
            raise error
    return client


def request_read(request: IncomingRequest, *, wall: datetime) -> SignedRequest:
    """Return what is signed, well-formed and of now; asks nobody.

    Raises:
        SignatureInvalidError, TimestampOutOfRangeError.
    """
    signed = _read(request)
    _timestamp_check(signed.timestamp, wall)
    return signed


def request_verify(
    request: IncomingRequest, signed: SignedRequest, credentials: Credentials | None
) -> ClientPrincipal:
    """Return the client whose signature the request carries; ``credentials`` are its key's.

    Raises:
        SignatureInvalidError, KeyUnknownError, KeyRevokedError.
    """
    if credentials is None or credentials.client.code != signed.client_id:
        raise KeyUnknownError
    _signature_check(request, signed, credentials)
    if credentials.revoked_at is not None or not credentials.client_is_active:
        raise KeyRevokedError
    return credentials.client


def _read(request: IncomingRequest) -> SignedRequest:
    header = request.header
    signed = SignedRequest(
        algorithm=header(ALGORITHM_HEADER),
        method=request.method,
        target=request.target,
        client_id=header(CLIENT_HEADER),
        key_id=header(KEY_HEADER),
        timestamp=header(TIMESTAMP_HEADER),
        nonce=header(NONCE_HEADER),
        idempotency_key=header(IDEMPOTENCY_HEADER),
        body=request.body,
    )
    well_formed = (
        signed.algorithm in ALGORITHMS
        and ID_PATTERN.fullmatch(signed.client_id)
        and ID_PATTERN.fullmatch(signed.key_id)
        and TIMESTAMP_PATTERN.fullmatch(signed.timestamp)
        and NONCE_PATTERN.fullmatch(signed.nonce)
        and (not signed.idempotency_key or _VISIBLE.fullmatch(signed.idempotency_key))
        and _VISIBLE.fullmatch(header(SIGNATURE_HEADER))
    )
    if not well_formed:
        raise SignatureInvalidError
    return signed


def _timestamp_check(timestamp: str, wall: datetime) -> None:
    if abs(wall.timestamp() - int(timestamp)) > TIMESTAMP_TOLERANCE_S:
        raise TimestampOutOfRangeError(
            data={"server_time": wall, "server_timestamp": int(wall.timestamp())}
        )


def _signature_check(
    request: IncomingRequest, signed: SignedRequest, credentials: Credentials
) -> None:
    # The algorithm is fixed per key: a client cannot choose a weaker one.
    matches = signed.algorithm == credentials.algorithm and signature_matches(
        credentials.secret, signed, request.header(SIGNATURE_HEADER)
    )
    if not matches:
        raise SignatureInvalidError


class Nonce(NamedTuple):
    """The nonce of a verified request that no idempotency key protects."""

    client: str
    text: str
    method: str


def needs_nonce(method: str, idempotency_key: str) -> bool:
    """Tell whether a request's nonce is used up: the key of a POST protects it, no other one."""
    return method != "POST" or not idempotency_key


def nonces_spend(nonces: Sequence[Nonce]) -> list[DomainError | None]:
    """Use up nonces, in one round trip; say of each what is wrong with it, if anything.

    Without Valkey a read (or a quote) passes, since its repetition changes nothing; a replacing
    request is asked to come again (docs/decisions: losing Valkey may refuse, never grant).
    """
    names = [f"nonce:{nonce.client}:{nonce.text}" for nonce in nonces]
    first = keys_claim(names, seconds=2 * TIMESTAMP_TOLERANCE_S)
    if first is None:
        return [
            DomainError("infra.try_later") if nonce.method in REPLACING_METHODS else None
            for nonce in nonces
        ]
    return [None if new else NonceReplayedError() for new in first]
