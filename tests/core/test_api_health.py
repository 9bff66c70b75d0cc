"""Health pages, and errors outside REST framework's views."""

import pytest
import redis
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import Settings


def test_live_asks_nothing_else(client: Client) -> None:
    response = client.get("/api/v1/health/live")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_ready_names_each_check(client: Client) -> None:
    response = client.get("/api/v1/health/ready")
    body = response.json()
    assert response.status_code == 200
    assert body["checks"]["database"] == "ok"
    assert body["checks"]["broker"] == "ok"
    assert set(body["checks"]) == {"database", "broker", "ticks", "invariants"}


@pytest.mark.django_db
def test_ready_serves_on_without_broker(client: Client, settings: Settings) -> None:
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    response = client.get("/api/v1/health/ready")
    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert response.json()["checks"]["broker"] == "failed"


def test_ready_fails_without_database(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    def lost(*_args: object) -> None:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(connection, "cursor", lost)
    response = client.get("/api/v1/health/ready")
    assert response.status_code == 503
    assert response.json()["status"] == "failed"


def test_unknown_address_is_a_problem_document(client: Client) -> None:
    response = client.get("/api/v1/nothing", headers={"accept-language": "en"})
    body = response.json()
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
    assert (body["code"], body["title"], body["status"]) == ("access.not_found", "Not found", 404)
    assert body["type"] == "urn:xfq:problem:access.not_found"
    assert body["request_id"]


def test_unknown_address_elsewhere_is_a_page(client: Client) -> None:
    response = client.get("/nothing")
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RuntimeError("a fault"), 500, "infra.internal_error"),
        (OperationalError("the connection is lost"), 503, "infra.try_later"),
        (redis.ConnectionError("away"), 500, "infra.internal_error"),
    ],
)
def test_faults_tell_nothing_of_their_cause(
    monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
) -> None:
    def fault(*_args: object) -> None:
        raise error

    monkeypatch.setattr("core.api.health.LiveView.get", fault)
    client = Client(raise_request_exception=False)
    response = client.get("/api/v1/health/live")
    body = response.json()
    assert (response.status_code, body["code"]) == (status, code)
    assert "a fault" not in response.content.decode()
    assert response.get("Retry-After") == ("1" if status == 503 else None)
