"""The base of the API: strict input, idempotency keys, problem documents, pages, the document."""

from typing import Any

import orjson
import pytest
import yaml
from django.db import DataError, OperationalError
from django.test import Client as DjangoClient

from core.access.idempotency import (
    Idempotency,
    KeyReusedError,
    idempotency_read,
    replay_check,
    request_fingerprint,
)
from core.access.models import Client, Region
from core.access.operations import OPERATIONS, USUAL_OPERATIONS
from core.api.views import ApiView
from core.errors import DomainError
from core.errors.translate import domain_error_of
from core.ids import new_id, to_public
from core.money import MAX_FEN
from tests.factories.merchants import client_make
from tests.support.api import ApiCaller

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.core.api_urls")]
PATH = "/api/v1/orders"
BATCH = to_public("bat", new_id())
ORDER: dict[str, Any] = {"batch_id": BATCH, "order_fen": 100}


@pytest.fixture
def api() -> ApiCaller:
    kind = Client.Kind.CHANNEL
    return ApiCaller.of(client_make(kind, operations=USUAL_OPERATIONS[kind]))


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'a': 1}",
        b'{"order_fen": 1, "order_fen": 2}',
        b'{"items": [{"sku": "a", "sku": "b"}]}',
        b'{"order_fen": NaN}',
        b'{"order_fen": -Infinity}',
        b'{"name": "\\ud800"}',
        b'{"name": "\\u0000"}',
        b'{"a\\u0000": 1}',
        b'{"name": "\xff"}',
        b"[" * 100_000,
        b'{"order_fen": ' + b"9" * 5000 + b"}",
        b"\xef\xbb\xbf{}",
    ],
)
def test_malformed_json(api: ApiCaller, body: bytes) -> None:
    document = api.refused(api.call("POST", PATH, body=body, key="k" * 16), 400, MALFORMED)
    assert "remedy" in document


MALFORMED = "request.malformed_json"
INVALID = "request.invalid_parameter"


@pytest.mark.parametrize(
    ("change", "name", "limit"),
    [
        ({"order_fen": None}, "order_fen", None),
        ({"order_fen": "100"}, "order_fen", None),
        ({"order_fen": 100.0}, "order_fen", None),
        ({"order_fen": True}, "order_fen", None),
        ({"order_fen": [1]}, "order_fen", None),
        ({"order_fen": 0}, "order_fen", 1),
        ({"order_fen": -1}, "order_fen", 1),
        ({"order_fen": 1001}, "order_fen", 1000),
        ({"name": 5}, "name", None),
        ({"name": True}, "name", None),
        ({"name": ""}, "name", None),
        ({"name": "abcdef"}, "name", None),
        ({"name": "a\nb"}, "name", None),
        ({"online": "true"}, "online", None),
        ({"online": 1}, "online", None),
        ({"online": None}, "online", None),
        ({"paid_at": "2026-03-01T10:00:00"}, "paid_at", None),
        ({"paid_at": "2026-13-01T10:00:00Z"}, "paid_at", None),
        ({"paid_at": "0001-01-01T00:00:00+08:00"}, "paid_at", "2000-2099"),
        ({"paid_at": 1700000000}, "paid_at", None),
        ({"count": -2}, "count", -1),
        ({"items": {}}, "items", None),
        ({"items": [1]}, "items.0", None),
        (
            {"items": [{"sku": "a", "amount_fen": 1}, {"sku": "A", "amount_fen": 1}]},
            "items.1.sku",
            "[a-z0-9]+",
        ),
        ({"items": [{"sku": "a", "amount_fen": MAX_FEN + 1}]}, "items.0.amount_fen", MAX_FEN),
        ({"surprise": 1}, "surprise", None),
        ({"batch_id": 7}, "batch_id", None),
    ],
)
def test_wrong_members_are_named(
    api: ApiCaller, change: dict[str, Any], name: str, limit: object
) -> None:
    document = api.refused(api.post(PATH, {**ORDER, **change}), 400, INVALID)
    [param] = document["invalid_params"]
    assert (param["name"], param.get("limit")) == (name, limit)
    assert param["reason"]


def test_a_missing_member_and_a_body_that_is_no_object(api: ApiCaller) -> None:
    document = api.refused(api.post(PATH, {"order_fen": 1}), 400, INVALID)
    assert [param["name"] for param in document["invalid_params"]] == ["batch_id"]
    document = api.refused(api.post(PATH, [1]), 400, INVALID)
    assert [param["name"] for param in document["invalid_params"]] == ["body"]


def test_a_huge_integer_is_over_the_limit_not_a_fault(api: ApiCaller) -> None:
    body = b'{"batch_id":"' + BATCH.encode() + b'","order_fen":' + b"9" * 300 + b"}"
    document = api.refused(api.call("POST", PATH, body=body, key="k" * 16), 400, INVALID)
    assert document["invalid_params"][0]["limit"] == 1000


@pytest.mark.parametrize("batch_id", ["", "bat_", "vch_" + "0" * 26, "bat_" + "u" * 26, "x" * 500])
def test_an_id_of_no_such_shape_is_not_found(api: ApiCaller, batch_id: str) -> None:
    document = api.refused(api.post(PATH, {**ORDER, "batch_id": batch_id}), 404, "access.not_found")
    assert document["data"] == {"field": "batch_id"}


@pytest.mark.parametrize("public_id", ["vch_1", "bat_" + "0" * 26, "%00", "券"])
def test_an_id_of_the_path_of_no_such_shape_is_not_found(api: ApiCaller, public_id: str) -> None:
    response = api.django.get(f"/api/v1/vouchers/{public_id}")
    assert response.status_code in (401, 404)
    api.refused(api.get(f"/api/v1/vouchers/{public_id}"), 404, "access.not_found")


def test_values_come_back_as_they_are_meant(api: ApiCaller) -> None:
    order = {**ORDER, "paid_at": "2026-03-01T02:00:00Z", "online": False, "name": "券 a"}
    response = api.post(PATH, order, key="order-key-0000000001")
    assert response.status_code == 201
    assert orjson.loads(response.content) == {
        **order,
        "paid_at": "2026-03-01T10:00:00+08:00",
        "client": api.key.client_id,
        "fingerprint": request_fingerprint(method="POST", path=PATH, body=orjson.dumps(order)),
    }
    assert response["Cache-Control"] == "no-store"
    assert "Idempotent-Replay" not in response


def test_a_replay_says_so(api: ApiCaller) -> None:
    assert api.post(PATH, {**ORDER, "order_fen": 998})["Idempotent-Replay"] == "true"


def test_a_post_needs_a_key_unless_it_changes_nothing(api: ApiCaller) -> None:
    api.refused(api.post(PATH, ORDER, key=""), 400, "request.idempotency_key_required")
    assert api.call("POST", "/api/v1/quote", body=ORDER).status_code == 200


@pytest.mark.parametrize("key", ["short", "k" * 65, "key with spaces 0001", "key/with/slash/01"])
def test_a_key_of_the_wrong_shape(api: ApiCaller, key: str) -> None:
    response = api.post(PATH, ORDER, key=key)
    if " " in key:
        api.refused(response, 401, "auth.signature_invalid")
    else:
        document = api.refused(response, 400, INVALID)
        assert document["invalid_params"][0]["name"] == "Idempotency-Key"


def test_fingerprints_tell_requests_apart() -> None:
    one = idempotency_read(key="k" * 16, method="POST", path="/a", body=b'{"a": 1, "b": 2}')
    assert one == Idempotency(
        "k" * 16, request_fingerprint(method="post", path="/a", body=b'{"b":2,"a":1}')
    )
    others = {
        request_fingerprint(method="POST", path="/b", body=b'{"a":1,"b":2}'),
        request_fingerprint(method="PUT", path="/a", body=b'{"a":1,"b":2}'),
        request_fingerprint(method="POST", path="/a", body=b'{"a":1,"b":3}'),
        request_fingerprint(method="POST", path="/a", body=b""),
        request_fingerprint(method="POST", path="/a", body=b"not json"),
    }
    assert len(others) == 5
    assert one.fingerprint not in others
    replay_check(stored=one.fingerprint, given=one.fingerprint)
    with pytest.raises(KeyReusedError):
        replay_check(stored=one.fingerprint, given="0" * 64)


def test_a_refusal_lists_every_condition(api: ApiCaller) -> None:
    response = api.post(PATH, {**ORDER, "order_fen": 999})
    document = api.refused(response, 422, "redemption.below_threshold")
    assert document["remedy"] == "再买 0.01 元即可使用。"
    assert document["data"]["shortfall_fen"] == 1
    assert [line["code"] for line in document["data"]["refusals"]] == [
        "redemption.below_threshold",
        "redemption.card_not_allowed",
    ]
    assert document["data"]["refusals"][1]["detail"] == "本券限 62 开头的银行卡。"


def test_the_callers_language(api: ApiCaller) -> None:
    api.language = "en"
    document = api.refused(
        api.post(PATH, {**ORDER, "order_fen": 999}), 422, "redemption.below_threshold"
    )
    assert document["title"] == "The order is too small"
    assert document["remedy"] == "Buy for 0.01 yuan more to use it."


def test_other_ways_to_ask_wrongly(api: ApiCaller) -> None:
    response = api.call("DELETE", PATH)
    api.refused(response, 405, "request.method_not_allowed")
    assert "POST" in response["Allow"]
    api.refused(api.call("OPTIONS", PATH), 405, "request.method_not_allowed")
    api.refused(
        api.call("POST", PATH, body=b"a=1", key="k" * 16, headers={"Content-Type": "text/csv"}),
        415,
        "request.unsupported_media_type",
    )
    api.refused(
        api.call("GET", PATH, headers={"Accept": "text/html"}), 406, "request.not_acceptable"
    )
    big = b'{"name": "' + b"x" * 1024 * 1024 + b'"}'
    api.refused(api.call("POST", PATH, body=big, key="k" * 16), 413, "request.too_large")


@pytest.mark.parametrize(
    "query",
    [
        "level=STREET",
        "surprise=1",
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=1e2",
        "limit=%EF%BC%91",
        "level=CITY&level=CITY",
        "cursor=!",
        "cursor=%E5%88%B8",
        "cursor=e30",  # {}
        "cursor=W10",  # []
        "cursor=WyJDSVRZIix7ImEiOjF9XQ",  # ["CITY",{"a":1}]
        "cursor=WyJDSVRZIixudWxsXQ",  # ["CITY",null]
        "cursor=WyJDSVRZIiwiXHUwMDAwIl0",  # ["CITY","\\u0000"]
    ],
)
def test_wrong_queries(api: ApiCaller, query: str) -> None:
    document = api.refused(api.call("GET", PATH, query=query), 400, INVALID)
    assert document["invalid_params"]


def test_pages_cover_everything_once_and_stay_stable(api: ApiCaller) -> None:
    seen: list[str] = []
    cursor = ""
    pages = 0
    while True:
        query = {"level": "PROVINCE", "limit": 10, **({"cursor": cursor} if cursor else {})}
        body = orjson.loads(api.get(PATH, query).content)
        seen += body["items"]
        pages += 1
        if pages == 1:
            # A row before the cursor moves nothing; one behind it is still found.
            Region.objects.create(code="010000", name="之前", level="PROVINCE")
            Region.objects.create(code="990000", name="之后", level="PROVINCE")
        cursor = body["next_cursor"]
        if cursor is None:
            break
    provinces = set(Region.objects.filter(level="PROVINCE").values_list("code", flat=True))
    assert pages == 4
    assert seen == sorted(provinces - {"010000"})


def test_pages_with_mixed_directions(api: ApiCaller) -> None:
    first = orjson.loads(api.get(PATH, {"limit": 200}).content)
    assert first["items"][0] == "110000"  # PROVINCE is the last level by name
    second = orjson.loads(api.get(PATH, {"limit": 200, "cursor": first["next_cursor"]}).content)
    assert not set(first["items"]) & set(second["items"])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OperationalError("gone"), "infra.try_later"),
        (DataError("NUL"), "request.invalid_parameter"),
        (DomainError("claim.sold_out"), "claim.sold_out"),
    ],
)
def test_database_errors_have_a_code(error: Exception, code: str) -> None:
    translated = domain_error_of(error)
    assert translated is not None
    assert translated.code == code


def test_our_own_faults_have_none() -> None:
    assert domain_error_of(KeyError("x")) is None


def test_a_view_cannot_name_an_unknown_operation() -> None:
    with pytest.raises(TypeError, match=r"claims\.everything"):
        type("Wrong", (ApiView,), {"operations": {"GET": "claims.everything"}})


def test_usual_operations_are_operations() -> None:
    for kind in Client.Kind:
        assert set(USUAL_OPERATIONS[kind]) <= set(OPERATIONS)


@pytest.mark.urls("config.urls")
def test_the_document_is_openapi_3_1_and_served_offline() -> None:
    django = DjangoClient()
    document = yaml.safe_load(django.get("/api/schema/").content)
    assert document["openapi"] == "3.1.1"
    assert document["paths"]["/api/v1/health/live"]
    assert "| `claim.sold_out` | 409 | 已领完" in document["info"]["description"]
    page = django.get("/api/docs/")
    assert page.status_code == 200
    assert b"http://" not in page.content.replace(b"http://testserver", b"")
    assert b"https://" not in page.content
