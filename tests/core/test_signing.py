"""Signing: fixed values computed with the openssl command line, which shares no code with ours.

printf '%s' "$BODY" | openssl dgst -sm3 -hex
printf 'XFQ1\\nHMAC-SM3\\n…' | openssl dgst -sm3 -mac HMAC -macopt key:… -binary | base64
"""

import pytest

from core.access.signing import (
    HMAC_SHA256,
    HMAC_SM3,
    SignedRequest,
    SigningKey,
    body_digest,
    call_headers,
    request_sign,
    signature_matches,
    signing_target,
    string_to_sign,
)

SECRET = b"test-secret-0123456789"
CLAIM = SignedRequest(
    algorithm=HMAC_SHA256,
    method="post",
    target="/api/v1/claims?x=1&y=%E5%88%B8",
    client_id="guijia-app",
    key_id="k0123456789abcdef",
    timestamp="1700000000",
    nonce="nonce-0001",
    idempotency_key="claim-key-0000000001",
    body=b'{"batch_id":"bat_1"}',
)


def test_string_to_sign_ends_every_line() -> None:
    assert string_to_sign(CLAIM) == (
        b"XFQ1\nHMAC-SHA256\nPOST\n/api/v1/claims?x=1&y=%E5%88%B8\nguijia-app\n"
        b"k0123456789abcdef\n1700000000\nnonce-0001\nclaim-key-0000000001\n"
        b"12fda491c43034198f8bba022353c6ed2f9aec6007ea82094d6250058272ecf6\n"
    )


def test_signature_by_sha256() -> None:
    assert request_sign(SECRET, CLAIM) == "7SKogtlS7ACTtQe15OKUaZFMvkfWWwVgrjrG+ELEIS0="


def test_signature_by_sm3() -> None:
    request = CLAIM._replace(algorithm=HMAC_SM3)
    assert body_digest(HMAC_SM3, CLAIM.body) == (
        "11d3ca6b60097b109cdbd3ed9b586c973c196fe050ecbd3b826dd84160708eff"
    )
    assert request_sign(SECRET, request) == "+5RqwX6TYq83XwQ/FoQ2hVDJlJCukgRdL9SeyoKWs9A="


def test_empty_body_and_no_idempotency_key() -> None:
    request = SignedRequest(
        HMAC_SM3, "GET", "/api/v1/campaigns", "c", "k", "1", "nonce-0002", "", b""
    )
    assert request_sign(b"s", request) == "W0Rm79xQb0Bmx7A1BUzTBRBY+dvBddRVC6UxzFNNBMM="


def test_sm3_of_the_standard() -> None:
    assert body_digest(HMAC_SM3, b"abc") == (
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    )


@pytest.mark.parametrize(
    "changed",
    [
        CLAIM._replace(method="PUT"),
        CLAIM._replace(target="/api/v1/claims?x=1"),
        CLAIM._replace(client_id="guijia-ap"),
        CLAIM._replace(key_id="k0123456789abcdee"),
        CLAIM._replace(timestamp="1700000001"),
        CLAIM._replace(nonce="nonce-0002"),
        CLAIM._replace(idempotency_key=""),
        CLAIM._replace(body=b'{"batch_id":"bat_2"}'),
        CLAIM._replace(algorithm=HMAC_SM3),
    ],
)
def test_every_line_is_covered(changed: SignedRequest) -> None:
    signature = request_sign(SECRET, CLAIM)
    assert signature_matches(SECRET, CLAIM, signature)
    assert not signature_matches(SECRET, changed, signature)
    assert not signature_matches(b"another-secret", CLAIM, signature)


@pytest.mark.parametrize("signature", ["", "!!", "QUJD", "券", "7SKogtlS7ACTtQe15OKUaZFMvkfWWwVg"])
def test_what_is_no_signature_does_not_match(signature: str) -> None:
    assert not signature_matches(SECRET, CLAIM, signature)


def test_unknown_algorithm_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown algorithm"):
        request_sign(SECRET, CLAIM._replace(algorithm="HMAC-MD5"))


@pytest.mark.parametrize(
    ("path", "query", "target"),
    [
        ("/api/v1/claims", "", "/api/v1/claims"),
        ("/api/v1/claims", "a=%20b&a", "/api/v1/claims?a=%20b&a"),
        ("/api/v1/persons/用户 1", "", "/api/v1/persons/%E7%94%A8%E6%88%B7%201"),
        ("/api/v1/persons/a.b_c-d~e:f@g", "", "/api/v1/persons/a.b_c-d~e:f@g"),
    ],
)
def test_target(path: str, query: str, target: str) -> None:
    assert signing_target(path, query) == target


def test_call_headers_verify_and_never_repeat_a_nonce() -> None:
    key = SigningKey("guijia-app", "k1", HMAC_SM3, SECRET)
    made = [
        call_headers(key, method="GET", target="/api/v1/campaigns", timestamp=1700000000)
        for _ in range(2)
    ]
    assert made[0]["X-Nonce"] != made[1]["X-Nonce"]
    assert "Idempotency-Key" not in made[0]
    request = SignedRequest(
        HMAC_SM3,
        "GET",
        "/api/v1/campaigns",
        "guijia-app",
        "k1",
        "1700000000",
        made[0]["X-Nonce"],
        "",
        b"",
    )
    assert signature_matches(SECRET, request, made[0]["X-Signature"])
    assert "secret" not in repr(key)
