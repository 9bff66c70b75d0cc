"""Every way a request can fail to prove who sent it, and that each is a 401 with its code."""

import time
from typing import Any

import pytest
from pytest_django import Settings
from structlog.testing import capture_logs

from core import valkey
from core.access.models import Client, ClientKey
from core.access.operations import USUAL_OPERATIONS
from core.access.services import client_key_issue, client_key_revoke, client_update
from core.access.signing import SigningKey, call_headers
from core.clock import wall
from core.ids import new_id, to_public
from tests.factories.merchants import client_make
from tests.support.api import ApiCaller, ApiResponse

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.core.api_urls")]
PATH = "/api/v1/orders"
ORDER: dict[str, Any] = {"batch_id": to_public("bat", new_id()), "order_fen": 100}


@pytest.fixture
def client_row() -> Client:
    return client_make(Client.Kind.CHANNEL, operations=USUAL_OPERATIONS[Client.Kind.CHANNEL])


@pytest.fixture
def api(client_row: Client) -> ApiCaller:
    return ApiCaller.of(client_row)


@pytest.mark.parametrize("algorithm", list(ClientKey.Algorithm))
def test_both_algorithms_open_the_door(client_row: Client, algorithm: ClientKey.Algorithm) -> None:
    response = ApiCaller.of(client_row, algorithm).post(PATH, ORDER)
    assert response.status_code == 201
    assert response.json()["client"] == client_row.code


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-Client-Id": ""}, "auth.signature_invalid"),
        ({"X-Client-Id": "客户"}, "auth.signature_invalid"),
        ({"X-Client-Id": "a" * 41}, "auth.signature_invalid"),
        ({"X-Client-Id": "somebody-else"}, "auth.key_unknown"),
        ({"X-Key-Id": ""}, "auth.signature_invalid"),
        ({"X-Key-Id": "k0000000000000000"}, "auth.key_unknown"),
        ({"X-Key-Id": "k'; DROP TABLE"}, "auth.signature_invalid"),
        ({"X-Alg": ""}, "auth.signature_invalid"),
        ({"X-Alg": "HMAC-MD5"}, "auth.signature_invalid"),
        ({"X-Alg": "HMAC-SM3"}, "auth.signature_invalid"),
        ({"X-Timestamp": ""}, "auth.signature_invalid"),
        ({"X-Timestamp": "now"}, "auth.signature_invalid"),
        ({"X-Timestamp": "-5"}, "auth.signature_invalid"),
        ({"X-Timestamp": "１７００"}, "auth.signature_invalid"),
        ({"X-Timestamp": "9" * 13}, "auth.signature_invalid"),
        ({"X-Timestamp": "1700000000"}, "auth.timestamp_out_of_range"),
        ({"X-Nonce": ""}, "auth.signature_invalid"),
        ({"X-Nonce": "short"}, "auth.signature_invalid"),
        ({"X-Nonce": "n" * 65}, "auth.signature_invalid"),
        ({"X-Nonce": "another-nonce-0001"}, "auth.signature_invalid"),
        ({"X-Signature": ""}, "auth.signature_invalid"),
        ({"X-Signature": "AAAA"}, "auth.signature_invalid"),
        ({"X-Signature": "!" * 44}, "auth.signature_invalid"),
        ({"X-Signature": "A" * 500}, "auth.signature_invalid"),
        ({"Idempotency-Key": "another-key-00000001"}, "auth.signature_invalid"),
    ],
)
def test_a_wrong_header_is_refused(api: ApiCaller, headers: dict[str, str], code: str) -> None:
    response = api.call("POST", PATH, body=ORDER, key="order-key-0000000001", headers=headers)
    document = api.refused(response, 401, code)
    assert response["WWW-Authenticate"] == "XFQ1"
    assert document["title"]


def test_an_unsigned_request_is_refused(api: ApiCaller) -> None:
    response = api.django.post(PATH, data=ORDER, content_type="application/json")
    ApiCaller.refused(response, 401, "auth.signature_invalid")


@pytest.mark.parametrize(("offset_s", "status"), [(-290, 200), (290, 200), (-301, 401), (302, 401)])
def test_timestamps_within_300_seconds(api: ApiCaller, offset_s: int, status: int) -> None:
    response = _get(api, timestamp=int(time.time()) + offset_s)
    assert response.status_code == status
    if status == 401:
        document = api.refused(response, 401, "auth.timestamp_out_of_range")
        assert abs(document["data"]["server_timestamp"] - time.time()) < 5
        assert document["data"]["server_time"].endswith("+08:00")


def test_body_and_query_are_covered(api: ApiCaller) -> None:
    headers = call_headers(
        api.key, method="GET", target=f"{PATH}?limit=1", timestamp=int(time.time())
    )
    assert api.django.get(f"{PATH}?limit=1", headers=headers).status_code == 200
    ApiCaller.refused(
        api.django.get(f"{PATH}?limit=2", headers=headers), 401, "auth.signature_invalid"
    )


def test_the_nonce_of_a_read_works_once(api: ApiCaller) -> None:
    headers = call_headers(api.key, method="GET", target=PATH, timestamp=int(time.time()))
    assert api.django.get(PATH, headers=headers).status_code == 200
    ApiCaller.refused(api.django.get(PATH, headers=headers), 401, "auth.nonce_replayed")


def test_a_wrong_signature_does_not_use_the_nonce_up(api: ApiCaller) -> None:
    headers = call_headers(api.key, method="GET", target=PATH, timestamp=int(time.time()))
    forged = {**headers, "X-Signature": "A" * 44}
    ApiCaller.refused(api.django.get(PATH, headers=forged), 401, "auth.signature_invalid")
    assert api.django.get(PATH, headers=headers).status_code == 200


def test_a_keyed_post_may_be_repeated_with_its_nonce(api: ApiCaller) -> None:
    body = b'{"batch_id":"' + ORDER["batch_id"].encode() + b'","order_fen":5}'
    headers = call_headers(
        api.key,
        method="POST",
        target=PATH,
        timestamp=int(time.time()),
        body=body,
        idempotency_key="order-key-0000000002",
    )
    for _ in range(2):
        response = api.django.post(
            PATH, data=body, content_type="application/json", headers=headers
        )
        assert response.status_code == 201


def test_without_valkey_reads_pass_and_replacing_requests_wait(
    api: ApiCaller, settings: Settings
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert api.get(PATH).status_code == 200
    assert api.call("POST", "/api/v1/quote", body=ORDER).status_code == 200
    assert api.post(PATH, ORDER).status_code == 201
    response = api.put(PATH, {"a": 1})
    api.refused(response, 503, "infra.try_later")
    assert response["Retry-After"] == "1"


def test_a_revoked_key_is_refused_and_the_other_works_on(client_row: Client) -> None:
    old, new = ApiCaller.of(client_row), ApiCaller.of(client_row)
    key = ClientKey.objects.get(key_id=old.key.key_id)
    client_key_revoke(key=key, reason="轮换完成", now=wall())
    ApiCaller.refused(old.get(PATH), 401, "auth.key_revoked")
    assert new.get(PATH).status_code == 200


def test_a_stranger_does_not_learn_that_a_key_is_revoked(client_row: Client) -> None:
    api = ApiCaller.of(client_row)
    key = ClientKey.objects.get(key_id=api.key.key_id)
    client_key_revoke(key=key, reason="停用", now=wall())
    response = api.call("GET", PATH, headers={"X-Signature": "A" * 44})
    ApiCaller.refused(response, 401, "auth.signature_invalid")


def test_a_client_switched_off_is_refused(client_row: Client) -> None:
    api = ApiCaller.of(client_row)
    client_update(client=client_row, is_active=False, reason="违规", now=wall())
    ApiCaller.refused(api.get(PATH), 401, "auth.key_revoked")


def test_another_clients_key_is_unknown(client_row: Client) -> None:
    other = client_make(Client.Kind.CHANNEL)
    issued = client_key_issue(client=other, now=wall())
    key = SigningKey(
        client_row.code, issued.key.key_id, issued.key.algorithm, issued.secret.encode()
    )
    ApiCaller.refused(ApiCaller(key).get(PATH), 401, "auth.key_unknown")


def test_an_operation_outside_the_allow_list_is_refused(client_row: Client) -> None:
    client_update(client=client_row, operations=["claims.read"], now=wall())
    api = ApiCaller.of(client_row)
    assert api.get(PATH).status_code == 200
    document = api.refused(api.post(PATH, ORDER), 403, "access.permission_denied")
    assert document["data"] == {"operation": "claims.create"}


@pytest.fixture
def stopped_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty seconds before the window ends, for as long as the test runs."""
    monkeypatch.setattr("core.access.throttling._seconds", lambda: 1_700_000_020.0)


def test_a_client_over_its_rate_waits(client_row: Client, stopped_minute: None) -> None:
    client_update(client=client_row, rate_per_minute=2, now=wall())
    api = ApiCaller.of(client_row)
    assert [api.get(PATH).status_code for _ in range(2)] == [200, 200]
    response = api.get(PATH)
    document = api.refused(response, 429, "rate.limited")
    assert response["Retry-After"] == "20"
    assert document["data"] == {"limit": 2, "retry_after_s": 20}
    assert document["detail"] == "每分钟最多 2 次，请在 20 秒后重试。"


def test_a_person_over_his_rate_waits(client_row: Client, stopped_minute: None) -> None:
    client_update(client=client_row, person_rate_per_minute=1, now=wall())
    api = ApiCaller.of(client_row)
    assert api.put(PATH, {}).status_code == 200
    api.refused(api.put(PATH, {}), 429, "rate.limited")


def test_without_valkey_nobody_is_limited(client_row: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    client_update(client=client_row, rate_per_minute=1, now=wall())
    api = ApiCaller.of(client_row)
    assert [api.get(PATH).status_code for _ in range(3)] == [200, 200, 200]


def test_valkey_away_is_not_asked_again_at_once(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:2/0"
    assert valkey.keys_claim(["x"], seconds=1) is None
    started = time.monotonic()
    assert [valkey.counters_add({"x": 1}, seconds=1) for _ in range(1000)] == [None] * 1000
    assert time.monotonic() - started < 0.5


def test_why_valkey_is_away_is_logged_once_a_pause(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:3/0"
    with capture_logs() as logs:
        for _ in range(3):
            assert valkey.counters_add({"x": 1}, seconds=1) is None
    (told,) = logs
    assert (told["event"], told["log_level"]) == ("valkey_away", "warning")
    assert "Connection refused" in told["reason"]


def _get(api: ApiCaller, *, timestamp: int) -> ApiResponse:
    headers = call_headers(api.key, method="GET", target=PATH, timestamp=timestamp)
    return api.django.get(PATH, headers=headers)
