"""Bad input over every route that takes a body: a code, the field, nothing changed, never a 5xx."""

import json
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from core.access import signing
from core.access.models import Client
from core.access.operations import OPERATIONS
from core.errors.problem import CONTENT_TYPE
from tests.factories.campaigns import OPENED_AT
from tests.factories.merchants import client_make
from tests.support.api import ApiCaller
from tests.support.api_routes import Route, body_of, routes, row_counts, wrong_values
from tests.support.moments import business_time_set

pytestmark = pytest.mark.django_db
POSTS = routes("POST")
ALL = routes("POST", "PUT")


@pytest.fixture
def api() -> ApiCaller:
    business_time_set(OPENED_AT)
    return ApiCaller.of(client_make(Client.Kind.CHANNEL, operations=list(OPERATIONS)))


@pytest.fixture
def _nothing_changes(api: ApiCaller) -> Iterator[None]:
    before = row_counts()
    yield
    assert row_counts() == before


def send(api: ApiCaller, route: Route, body: Any, **options: Any) -> Any:
    if route.method == "POST":
        options.setdefault("key", "bad-input-0000000001")
    # The standard library also writes integers beyond 64 bits.
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return api.call(route.method, route.url(), body=raw, **options)


def problem_of(response: Any) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(response.content)
    assert 400 <= response.status_code < 500, document
    assert response["Content-Type"] == CONTENT_TYPE
    assert document["code"]
    assert document["title"]
    return document


def test_there_are_routes_to_test() -> None:
    assert {"/api/v1/claims", "/api/v1/redemptions"} <= {route.path for route in POSTS}
    assert [route.path for route in POSTS if not route.keyed] == ["/api/v1/redemptions/quote"]


@pytest.mark.usefixtures("_nothing_changes")
@pytest.mark.parametrize("route", ALL, ids=str)
@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b'{"a":1}}',
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b"{'a':1}",
        b"\xff\xfe",
        b'{"a":"\\ud800"}',
        b'{"a":"\\u0000"}',
        b"[" * 5_000,
        b'{"a":' * 2_500 + b"1" + b"}" * 2_500,
    ],
    ids=lambda raw: raw[:14].decode("latin-1"),
)
def test_malformed_json_is_refused(api: ApiCaller, route: Route, raw: bytes) -> None:
    assert problem_of(send(api, route, raw))["code"] == "request.malformed_json"


@pytest.mark.usefixtures("_nothing_changes")
@pytest.mark.parametrize("route", ALL, ids=str)
@pytest.mark.parametrize("body", [[], "text", 1, None, True, [{}]], ids=repr)
def test_body_is_an_object(api: ApiCaller, route: Route, body: Any) -> None:
    problem = problem_of(send(api, route, orjson.dumps(body)))
    assert problem["code"] in {"request.invalid_parameter", "request.malformed_json"} | (
        {"access.not_found"} if route.names_object else set()
    )


@pytest.mark.usefixtures("_nothing_changes")
@pytest.mark.parametrize("route", ALL, ids=str)
def test_unknown_field_is_named(api: ApiCaller, route: Route) -> None:
    problem = problem_of(send(api, route, body_of(route) | {"no_such_field": 1}))
    assert problem["code"] == "request.invalid_parameter"
    assert "no_such_field" in {param["name"] for param in problem["invalid_params"]}


@pytest.mark.usefixtures("_nothing_changes")
@pytest.mark.parametrize(
    ("route", "name"), [(route, name) for route in ALL for name in route.required], ids=str
)
def test_missing_field_is_named(api: ApiCaller, route: Route, name: str) -> None:
    body = body_of(route)
    del body[name]
    problem = problem_of(send(api, route, body))
    assert problem["code"] == "request.invalid_parameter"
    assert name in {param["name"] for param in problem["invalid_params"]}


@pytest.mark.usefixtures("_nothing_changes")
@pytest.mark.parametrize(
    ("route", "name"),
    [(route, name) for route in ALL for name in route.fields if "." not in name],
    ids=str,
)
def test_wrong_value_is_refused_by_name(api: ApiCaller, route: Route, name: str) -> None:
    for wrong, value in wrong_values(route.fields[name]):
        problem = problem_of(send(api, route, body_of(route) | {name: value}))
        names = {
            *(param["name"].split(".")[0] for param in problem.get("invalid_params", ())),
            problem.get("data", {}).get("field"),
        }
        assert name in names, (wrong, problem)
        assert problem["code"] in {"request.invalid_parameter", "access.not_found"}


@pytest.mark.usefixtures("_nothing_changes")
@pytest.mark.parametrize("route", [route for route in POSTS if route.keyed], ids=str)
def test_key_is_needed_and_well_formed(api: ApiCaller, route: Route) -> None:
    problem = problem_of(send(api, route, body_of(route), key=""))
    assert problem["code"] == "request.idempotency_key_required"
    for key in ("short", "x" * 65, "with space 00000000", "semi;colon0000000000", "中" * 16):
        problem = problem_of(send(api, route, body_of(route), key=key))
        assert problem["code"] in {"request.invalid_parameter", "auth.signature_invalid"}, key


@pytest.mark.usefixtures("_nothing_changes")
@pytest.mark.parametrize("route", ALL, ids=str)
def test_credentials_are_checked_first(api: ApiCaller, route: Route) -> None:
    now = int(time.time())
    wrong = {
        signing.SIGNATURE_HEADER: ("AAAA", "auth.signature_invalid"),
        signing.TIMESTAMP_HEADER: (str(now - 301), "auth.timestamp_out_of_range"),
        signing.KEY_HEADER: ("no-such-key", "auth.key_unknown"),
        signing.CLIENT_HEADER: ("no-such-client", "auth.key_unknown"),
        signing.ALGORITHM_HEADER: ("HMAC-MD5", "auth.signature_invalid"),
        signing.NONCE_HEADER: ("another-nonce-1", "auth.signature_invalid"),
    }
    for header, (value, code) in wrong.items():
        problem = problem_of(send(api, route, b"{", headers={header: value}))
        assert problem["code"] == code, header
        problem = problem_of(send(api, route, b"{", headers={header: ""}))
        assert problem["code"].startswith("auth."), header


@pytest.mark.usefixtures("_nothing_changes")
@pytest.mark.parametrize("route", ALL, ids=str)
def test_signature_covers_the_body(api: ApiCaller, route: Route) -> None:
    body = orjson.dumps(body_of(route))
    target = route.url()
    headers = signing.call_headers(
        api.key, method=route.method, target=target, timestamp=int(time.time()), body=body + b" "
    )
    response = api.django.generic(
        route.method, target, data=body, content_type="application/json", headers=headers
    )
    assert problem_of(response)["code"] == "auth.signature_invalid"


@pytest.mark.parametrize("route", ALL, ids=str)
def test_client_without_the_operation_is_refused(route: Route) -> None:
    stranger = ApiCaller.of(client_make(Client.Kind.CHANNEL, operations=["campaigns.read"]))
    before = row_counts()
    problem = problem_of(send(stranger, route, body_of(route)))
    assert problem["code"] == "access.permission_denied"
    assert row_counts() == before


@pytest.mark.usefixtures("_nothing_changes")
@pytest.mark.parametrize("route", POSTS, ids=str)
def test_well_formed_ids_of_nothing_are_not_found(api: ApiCaller, route: Route) -> None:
    problem = problem_of(send(api, route, body_of(route)))
    assert problem["code"] in {"access.not_found", "request.invalid_parameter"} or problem[
        "code"
    ].startswith(("voucher.", "redemption.", "code."))
