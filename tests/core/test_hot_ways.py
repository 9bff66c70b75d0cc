"""Both ways in say the same about a bad request, and change nothing."""

import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from core.access.models import Client, ClientKey
from core.access.signing import TIMESTAMP_HEADER, call_headers
from core.clock import wall
from core.ids import new_id, to_public
from tests.support.api import HOT_WAY, ApiCaller, ApiResponse
from tests.vouchers.api_world import World, world_make
from vouchers.models import Claim

pytestmark = pytest.mark.django_db
CLAIMS = "/api/v1/claims"
KEY = "kept-key-0000000001"
SIGNED_HEADERS = (
    "X-Client-Id",
    "X-Key-Id",
    "X-Alg",
    "X-Timestamp",
    "X-Nonce",
    "X-Signature",
    "Idempotency-Key",
)


def stale(world: World) -> ApiResponse:
    headers = {TIMESTAMP_HEADER: str(int(time.time()) - 301)}
    return world.api.call("POST", CLAIMS, body=world.claim_body(), key=KEY, headers=headers)


def unsigned(world: World) -> ApiResponse:
    headers = {"X-Signature": ""}
    return world.api.call("POST", CLAIMS, body=world.claim_body(), key=KEY, headers=headers)


def tampered(world: World) -> ApiResponse:
    signed = call_headers(
        world.api.key, method="POST", target=CLAIMS, timestamp=int(time.time()), body=b"{}"
    )
    return world.api.call("POST", CLAIMS, body=world.claim_body(), key=KEY, headers=signed)


def unknown_key(world: World) -> ApiResponse:
    headers = {"X-Key-Id": "nobody"}
    return world.api.call("POST", CLAIMS, body=world.claim_body(), key=KEY, headers=headers)


def revoked(world: World) -> ApiResponse:
    ClientKey.objects.filter(client=world.client).update(revoked_at=wall())
    return world.api.post(CLAIMS, world.claim_body())


def switched_off(world: World) -> ApiResponse:
    Client.objects.filter(pk=world.client.pk).update(is_active=False)
    return world.api.post(CLAIMS, world.claim_body())


def not_allowed(world: World) -> ApiResponse:
    Client.objects.filter(pk=world.client.pk).update(operations=["claims.read"])
    return world.api.post(CLAIMS, world.claim_body())


def too_often(world: World) -> ApiResponse:
    Client.objects.filter(pk=world.client.pk).update(rate_per_minute=1)
    world.api.post(CLAIMS, {})
    return world.api.post(CLAIMS, world.claim_body())


def too_often_for_one_person(world: World) -> ApiResponse:
    Client.objects.filter(pk=world.client.pk).update(person_rate_per_minute=1)
    other = {**world.claim_body(), "batch_id": to_public("bat", new_id())}
    world.api.post(CLAIMS, other)
    return world.api.post(CLAIMS, world.claim_body())


def sent_twice(name: str, *, other: str = "") -> Callable[[World], ApiResponse]:
    """Send a signed header twice, the second time with another value if one is given."""

    def bad(world: World) -> ApiResponse:
        body = orjson.dumps(world.claim_body())
        signed = call_headers(
            world.api.key,
            method="POST",
            target=CLAIMS,
            timestamp=int(time.time()),
            body=body,
            idempotency_key=KEY,
        )
        headers = {**signed, name: [signed[name], other or signed[name]]}
        return world.api.call("POST", CLAIMS, body=body, headers=headers)

    return bad


BAD: dict[str, tuple[Callable[[World], ApiResponse], int, str]] = {
    "stale": (stale, 401, "auth.timestamp_out_of_range"),
    "unsigned": (unsigned, 401, "auth.signature_invalid"),
    "tampered": (tampered, 401, "auth.signature_invalid"),
    "unknown key": (unknown_key, 401, "auth.key_unknown"),
    **{
        f"{name} twice": (sent_twice(name), 401, "auth.signature_invalid")
        for name in SIGNED_HEADERS
    },
    "another signature besides": (
        sent_twice("X-Signature", other="AAAA"),
        401,
        "auth.signature_invalid",
    ),
    "another key besides": (
        sent_twice("Idempotency-Key", other="kept-key-0000000002"),
        401,
        "auth.signature_invalid",
    ),
    "two hosts": (
        lambda world: world.api.call(
            "POST",
            CLAIMS,
            body=world.claim_body(),
            key=KEY,
            headers={"Host": ["testserver", "localhost"]},
        ),
        400,
        "request.invalid_parameter",
    ),
    "revoked": (revoked, 401, "auth.key_revoked"),
    "switched off": (switched_off, 401, "auth.key_revoked"),
    "not allowed": (not_allowed, 403, "access.permission_denied"),
    "too often": (too_often, 429, "rate.limited"),
    "too often for one": (too_often_for_one_person, 429, "rate.limited"),
    "no key": (
        lambda world: world.api.post(CLAIMS, world.claim_body(), key=""),
        400,
        "request.idempotency_key_required",
    ),
    "short key": (
        lambda world: world.api.post(CLAIMS, world.claim_body(), key="short"),
        400,
        "request.invalid_parameter",
    ),
    "broken": (lambda world: world.api.post(CLAIMS, b'{"a":'), 400, "request.malformed_json"),
    "twice": (
        lambda world: world.api.post(CLAIMS, b'{"a":1,"a":2}'),
        400,
        "request.malformed_json",
    ),
    "a list": (lambda world: world.api.post(CLAIMS, b"[]"), 400, "request.invalid_parameter"),
    "empty": (lambda world: world.api.post(CLAIMS, b""), 400, "request.invalid_parameter"),
    "unknown member": (
        lambda world: world.api.post(CLAIMS, world.claim_body(surprise=1)),
        400,
        "request.invalid_parameter",
    ),
    "wrong type": (
        lambda world: world.api.post(CLAIMS, world.claim_body(device=7)),
        400,
        "request.invalid_parameter",
    ),
    "no such place": (
        lambda world: world.api.post(CLAIMS, world.claim_body(location={"region_code": "000000"})),
        400,
        "request.invalid_parameter",
    ),
    "nobody": (
        lambda world: world.api.post(CLAIMS, world.claim_body(person_id="per_x")),
        404,
        "access.not_found",
    ),
    "large": (
        lambda world: world.api.post(CLAIMS, b" " * (1024 * 1024 + 1)),
        413,
        "request.too_large",
    ),
    "no JSON wanted": (
        lambda world: world.api.call(
            "POST", CLAIMS, body=world.claim_body(), key=KEY, headers={"Accept": "text/html"}
        ),
        406,
        "request.not_acceptable",
    ),
    "another host": (
        lambda world: world.api.call(
            "POST", CLAIMS, body=world.claim_body(), key=KEY, headers={"Host": "evil.example"}
        ),
        400,
        "request.invalid_parameter",
    ),
    "null": (lambda world: world.api.post(CLAIMS, b"null"), 400, "request.invalid_parameter"),
    "no key and larger than any claim": (
        lambda world: world.api.post(CLAIMS, b" " * (16 * 1024) + b"{}", key=""),
        400,
        "request.idempotency_key_required",
    ),
    "larger than any claim": (
        lambda world: world.api.post(CLAIMS, b" " * (16 * 1024) + b"{}"),
        413,
        "request.too_large",
    ),
    "a thousand unknown members": (
        lambda world: world.api.post(CLAIMS, {f"m{n}": n for n in range(1000)}),
        400,
        "request.invalid_parameter",
    ),
    "a form": (
        lambda world: world.api.call(
            "POST", CLAIMS, body=b"a=1", key=KEY, headers={"Content-Type": "text/plain"}
        ),
        415,
        "request.unsupported_media_type",
    ),
}


TIMED = frozenset({"rate.limited", "auth.timestamp_out_of_range"})
"""Codes whose words name the second."""


def said(world: World, bad: Callable[[World], ApiResponse], status: int, code: str) -> Any:
    """Return the problem without what differs from one request to the next."""
    response = bad(world)
    document = ApiCaller.refused(response, status, code)
    document.pop("request_id")
    for name in ("server_time", "server_timestamp", "retry_after_s"):
        document.get("data", {}).pop(name, None)
    if code in TIMED:
        document.pop("detail")
    kept = ("Content-Type", "Cache-Control", "WWW-Authenticate")
    return document, {name: response.headers.get(name) for name in kept}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_bad_request_is_refused_in_the_same_words(name: str, language: str) -> None:
    bad, status, code = BAD[name]
    answers = []
    for way in ("django", "front"):
        world = world_make()
        world.api.language = language
        token = HOT_WAY.set(way)
        try:
            answers.append(said(world, bad, status, code))
        finally:
            HOT_WAY.reset(token)
    assert answers[0] == answers[1]
    assert Claim.objects.count() == 0
