"""First steps of an operator: administrator, client, keys, a signed request."""

import io
import re
from typing import Any

import httpx
import orjson
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client as DjangoClient

from core.access.models import Client, ClientKey, Organisation, Role, User
from core.access.services import client_create, client_key_secret
from core.audit.models import AuditEvent
from core.clock import wall
from tests.factories.merchants import client_make, organisation_make

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_the_first_administrators() -> None:
    text = run("create_admin", "root1")
    password = re.search(r"password  (\S+)", text)
    user = User.objects.get(username="root1")
    assert password is not None
    assert user.check_password(password[1])
    assert len(password[1]) >= 20
    assert (user.is_staff, user.is_superuser) == (True, False)
    assert [grant.role for grant in user.grants.all()] == [Role.SYSTEM_ADMIN]
    assert user.has_perm("core.add_client")
    run("create_admin", "root2", "--role", "SECURITY_ADMIN", "--region", "450000")
    assert User.objects.get(username="root2").has_perm("core.add_rolegrant")
    assert Organisation.objects.filter(code="platform").count() == 1
    with pytest.raises(CommandError, match=r"user\.name_taken"):
        run("create_admin", "root1")
    with pytest.raises(CommandError, match="no region"):
        run("create_admin", "root3", "--region", "999999")


def test_a_client_with_the_usual_or_named_operations() -> None:
    organisation = organisation_make(Organisation.Kind.ACQUIRER)
    common = ["--organisation", organisation.code, "--kind", "TERMINAL", "--name", "甲收单"]
    text = run("client_create", "acq-a", *common)
    assert "redemptions.hold" in text
    client = Client.objects.get(code="acq-a")
    assert (client.owner_region, client.kind, client.is_active) == ("450000", "TERMINAL", True)
    run("client_create", "acq-b", *common, "--operation", "redemptions.quote")
    assert Client.objects.get(code="acq-b").operations == ["redemptions.quote"]
    with pytest.raises(CommandError, match=r"client\.code_taken"):
        run("client_create", "acq-a", *common)
    with pytest.raises(CommandError, match="no organisation"):
        run("client_create", "x", "--organisation", "?", "--kind", "DESK", "--name", "x")


def test_keys_are_issued_rotated_and_revoked() -> None:
    client = client_make()
    text = run("client_key", "issue", client.code, "--algorithm", "HMAC-SM3")
    first = ClientKey.objects.get(client=client)
    secret = re.search(r"secret    (\S+)", text)
    assert secret is not None
    assert client_key_secret(client=client) == (first, secret[1].encode())
    # The secret is nowhere in the database but in the sealed box, and not in the audit log.
    assert secret[1].encode() not in bytes(first.secret_box)
    assert secret[1] not in str(list(AuditEvent.objects.values_list("data", flat=True)))
    rotated = run("client_key", "rotate", client.code)
    assert "HMAC-SM3" in rotated
    assert secret[1] not in rotated
    with pytest.raises(CommandError, match=r"client\.too_many_keys"):
        run("client_key", "rotate", client.code)
    run("client_key", "revoke", first.key_id, "--reason", "轮换完成")
    first.refresh_from_db()
    assert first.revoked_at is not None
    assert ClientKey.objects.filter(client=client, revoked_at=None).count() == 1
    run("client_key", "rotate", client.code)
    actions = AuditEvent.objects.filter(subject_id=str(client.pk)).values_list("action", flat=True)
    assert sorted(actions) == ["client_key.issue"] * 3 + ["client_key.revoke"]
    with pytest.raises(CommandError, match="no key"):
        run("client_key", "revoke", "k-none", "--reason", "x")
    with pytest.raises(CommandError, match=r"audit\.reason_required"):
        run("client_key", "revoke", first.key_id, "--reason", " ")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    """Let httpx call the application in this process; returns what was sent."""
    requests: list[httpx.Request] = []

    def request(
        method: str, url: str, *, content: bytes, headers: dict[str, str], **options: Any
    ) -> httpx.Response:
        assert options["trust_env"] is False
        made = httpx.Request(method, url, content=content, headers=headers)
        answer = DjangoClient().generic(
            method, made.url.raw_path.decode(), data=content, headers=headers
        )
        requests.append(made)
        return httpx.Response(answer.status_code, content=answer.content, request=made)

    monkeypatch.setattr(httpx, "request", request)
    return requests


def test_a_signed_request_passes_the_door(sent: list[httpx.Request]) -> None:
    client = client_make(operations=["stores.read"])
    with pytest.raises(CommandError, match="no active key"):
        run("api_request", "GET", "/api/v1/health/live", "--client", client.code)
    run("client_key", "issue", client.code)
    base = "--base-url=http://testserver"
    text = run("api_request", "get", "/api/v1/health/live", "--client", client.code, base)
    assert text.startswith("200 OK")
    assert orjson.loads(text.partition("\n")[2]) == {"status": "ok"}
    assert sent[0].headers["X-Client-Id"] == client.code
    with pytest.raises(SystemExit) as caught:
        run("api_request", "POST", "/api/v1/nothing?名=值", "--client", client.code, base)
    assert caught.value.code == 1
    assert sent[1].url.raw_path == b"/api/v1/nothing?%E5%90%8D=%E5%80%BC"
    assert len(sent[1].headers["Idempotency-Key"]) >= 16


def test_a_request_without_server_says_so() -> None:
    client = client_create(
        code="app-x",
        name="应用",
        kind=Client.Kind.CHANNEL,
        organisation=organisation_make(),
        now=wall(),
    )
    run("client_key", "issue", client.code)
    with pytest.raises(CommandError, match="no answer"):
        run(
            "api_request",
            "GET",
            "/api/v1/campaigns",
            "--client",
            "app-x",
            "--base-url=http://127.0.0.1:1",
        )
