"""The nginx example before echoing upstreams, and before the real front and Django."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from core.access.models import ClientKey
from core.access.services import client_key_issue
from core.access.signing import SigningKey, call_headers
from core.clock import wall
from core.embedded.record import ServiceUrls
from core.embedded.valkey import free_port
from core.errors import DomainError
from core.errors.problem import CHINESE, CONTENT_TYPE, problem_document, problem_headers
from core.ids import to_public
from tests.factories.campaigns import OPENED_AT, campaign_live
from tests.factories.persons import enrolment_make
from tests.support.moments import business_time_set
from tests.support.nginx import SERVER_NAME, echo, needs_nginx, nginx
from tests.support.web import front_process, web_process
from tests.vouchers.api_world import channel_make

pytestmark = needs_nginx
CLAIMS = "/api/v1/claims"
CONFIRM = "/api/v1/redemptions/rdm_01/confirm"
HSTS = "Strict-Transport-Security"
MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Origin:
    """The example before two web processes and one front that echo; the second front is away."""

    http: httpx.Client
    front_seen: list[str]
    web_seen: list[str]

    def asked(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Return what the upstream saw of a request."""
        response = self.http.request(method, path, **more)
        assert response.status_code == 200, response.text
        document: dict[str, Any] = response.json()
        return document


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Origin]:
    with (
        echo("web") as (web, web_seen),
        echo("front") as (front, front_seen),
        nginx(tmp_path, [web, web, front, front]) as http,
    ):
        yield Origin(http, front_seen, web_seen)


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", CLAIMS, "front"),
        ("POST", f"{CLAIMS}?x=1", "front"),
        ("POST", "/api/v1/redemptions", "front"),
        ("POST", CONFIRM, "front"),
        ("GET", f"{CLAIMS}?request_no=k", "web"),
        ("GET", "/api/v1/redemptions", "web"),
        ("POST", "/api/v1/redemptions/quote", "front"),
        ("POST", "/api/v1/redemptions/rdm_01/release", "web"),
        ("PUT", "/api/v1/persons/u1", "front"),
        ("GET", "/admin/", "web"),
        ("GET", "/metrics", "web"),
    ],
)
def test_hot_posts_go_to_the_front_and_all_else_to_django(
    origin: Origin, method: str, path: str, name: str
) -> None:
    asked = origin.asked(method, path)
    assert (asked["name"], asked["method"], asked["path"]) == (name, method, path)


def headers_of(asked: dict[str, Any], name: str) -> list[str]:
    return [value for key, value in asked["headers"] if key == name]


@pytest.mark.parametrize("path", [CLAIMS, "/api/v1/persons/u1", "/admin/login/"])
def test_what_a_caller_says_about_his_way_here_is_dropped(origin: Origin, path: str) -> None:
    forged = [
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Proto", "ftp"),
        ("X-Forwarded-For", "10.9.8.7"),
        ("X-Forwarded-For", "10.9.8.6"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Port", "1"),
        ("Forwarded", "for=10.9.8.7;proto=http"),
        ("X_Forwarded_Proto", "http"),
        ("X_Signature", "another"),
    ]
    asked = origin.asked("POST", path, headers=forged)
    assert headers_of(asked, "x-forwarded-proto") == ["https"]
    assert headers_of(asked, "x-forwarded-for") == ["127.0.0.1"]
    for name in ("x-forwarded-host", "x-forwarded-port", "forwarded"):
        assert headers_of(asked, name) == []
    assert not [name for name, _ in asked["headers"] if "_" in name]
    assert headers_of(asked, "host") == [SERVER_NAME]


@pytest.mark.parametrize("path", [CLAIMS, "/api/v1/persons/u1"])
def test_a_request_keeps_its_id_or_gets_one(origin: Origin, path: str) -> None:
    given = origin.asked("POST", path, headers={"X-Request-Id": "their-own_id-1"})
    assert headers_of(given, "x-request-id") == ["their-own_id-1"]
    for headers in ({}, {"X-Request-Id": 'no";id'}):
        (made,) = headers_of(origin.asked("POST", path, headers=headers), "x-request-id")
        assert len(made) == 32


def test_signature_headers_pass_as_they_are_even_twice(origin: Origin) -> None:
    asked = origin.asked("POST", CLAIMS, headers=[("X-Signature", "a"), ("X-Signature", "b")])
    assert headers_of(asked, "x-signature") == ["a", "b"]


@pytest.mark.parametrize("path", [CLAIMS, CONFIRM, "/api/v1/persons/u1", "/admin/login/"])
def test_every_answer_demands_tls_exactly_once(origin: Origin, path: str) -> None:
    response = origin.http.post(path)
    assert response.headers.get_list(HSTS) == ["max-age=31536000; includeSubDomains; preload"]


def problem_check(response: httpx.Response, code: str) -> None:
    """Assert that nginx answers as the application would."""
    error = DomainError(code)
    assert response.json() == problem_document(
        error, language=CHINESE, request_id=response.request.headers["X-Request-Id"]
    )
    assert response.status_code == error.status
    headers = {"Content-Type": CONTENT_TYPE, **problem_headers(error)}
    assert {name: response.headers.get(name) for name in headers} == headers
    assert len(response.headers.get_list(HSTS)) == 1


@pytest.mark.parametrize("path", [CLAIMS, "/api/v1/persons/u1", "/admin/core/import/"])
def test_bodies_up_to_an_acquirers_list_pass_and_larger_ones_do_not(
    origin: Origin, path: str
) -> None:
    assert origin.asked("POST", path, content=b" " * (31 * MEGABYTE))["size"] == 31 * MEGABYTE
    seen = len(origin.front_seen) + len(origin.web_seen)
    response = origin.http.post(
        path, content=b" " * (73 * MEGABYTE), headers={"X-Request-Id": "large-1"}
    )
    if path.startswith("/api/"):
        problem_check(response, "request.too_large")
    assert response.status_code == 413
    assert len(response.headers.get_list(HSTS)) == 1
    assert len(origin.front_seen) + len(origin.web_seen) == seen


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", CLAIMS),
        ("POST", "/api/v1/redemptions/rdm_01/cancel"),
        ("PUT", "/api/v1/persons/u1"),
    ],
)
def test_a_lost_answer_is_the_callers_to_ask_for_again(
    origin: Origin, method: str, path: str
) -> None:
    response = origin.http.request(method, path, headers={"X-Die": "1", "X-Request-Id": "lost-1"})
    problem_check(response, "infra.try_later")
    assert [*origin.front_seen, *origin.web_seen].count(path) == 1


def test_django_answers_hot_posts_while_no_front_is_there(tmp_path: Path) -> None:
    with (
        echo("web") as (web, _),
        nginx(tmp_path, [free_port(), web, free_port(), free_port()]) as http,
    ):
        for path in (CLAIMS, CONFIRM, "/admin/", "/admin/"):
            assert http.post(path).json()["name"] == "web"


def test_nobody_there_is_said_in_the_apis_words(tmp_path: Path) -> None:
    with nginx(tmp_path, [free_port() for _ in range(4)]) as http:
        for path in (CLAIMS, "/api/v1/persons/u1"):
            response = http.post(path, headers={"X-Request-Id": "nobody-1"})
            problem_check(response, "infra.try_later")


def test_the_real_front_and_django_behind_it(own_database: ServiceUrls, tmp_path: Path) -> None:
    batch = campaign_live().batch
    business_time_set(OPENED_AT)
    client = channel_make()
    issued = client_key_issue(client=client, now=wall(), algorithm=ClientKey.Algorithm.HMAC_SM3)
    key = SigningKey(client.code, issued.key.key_id, "HMAC-SM3", issued.secret.encode())
    person = to_public("per", enrolment_make(client).pk)
    body = orjson.dumps({"person_id": person, "batch_id": to_public("bat", batch.pk)})

    def call(http: httpx.Client, method: str, path: str, body: bytes = b"") -> httpx.Response:
        headers = call_headers(
            key,
            method=method,
            target=path,
            timestamp=int(time.time()),
            body=body,
            idempotency_key="kept-key-0000000001" if method == "POST" else "",
        )
        headers |= {"Content-Type": "application/json", "Host": "localhost"}
        response = http.request(method, path, content=body, headers=headers)
        assert len(response.headers.get_list(HSTS)) == 1
        return response

    with web_process(own_database, tmp_path / "web.log") as web_address:
        web = int(web_address.rpartition(":")[2])
        with front_process(own_database, tmp_path / "front.log") as (front_address, _):
            front = int(front_address.rpartition(":")[2])
            with nginx(tmp_path, [web, web, front, front]) as http:
                first = call(http, "POST", CLAIMS, body)
                assert (first.status_code, "Idempotent-Replay" in first.headers) == (201, False)
                metrics = httpx.get(f"{front_address}/metrics", trust_env=False).text
                assert 'xfq_commit_group_size_sum{service="claims"} 1.0' in metrics
                read = call(http, "GET", f"{CLAIMS}/{first.json()['claim_id']}")
                assert read.json() == first.json()
                page = http.get("/admin/login/", headers={"Host": "localhost"})
                assert (page.status_code, len(page.headers.get_list(HSTS))) == (200, 1)
                metrics_outside = http.get("/metrics", headers={"Host": "localhost"})
                assert metrics_outside.status_code == 404
        with nginx(tmp_path, [web, web, front, front]) as http:  # the front has gone
            again = call(http, "POST", CLAIMS, body)
            assert again.headers["Idempotent-Replay"] == "true"
            assert (again.status_code, again.content) == (201, first.content)
