"""Pages of clients and keys: a secret is shown once, then never again."""

import re

import pytest

from core.access.models import Client, ClientKey, Organisation, Role
from core.access.operations import USUAL_OPERATIONS
from core.access.services import client_key_issue, client_key_secret
from core.audit.models import AuditEvent
from core.clock import wall
from tests.factories.merchants import LIUZHOU, NANNING, client_make, organisation_make
from tests.support.admin import Staff, said

pytestmark = pytest.mark.django_db
SECRET = re.compile(r'id="issued-secret"[^>]*>([^<]+)<')
OF_A_CLIENT = {
    "name": "智桂通",
    "code": "zhigui",
    "kind": "CHANNEL",
    "rate_per_minute": "60000",
    "person_rate_per_minute": "60",
    "keys-TOTAL_FORMS": "0",
    "keys-INITIAL_FORMS": "0",
}


def test_a_client_is_made_with_the_usual_operations_and_changed_with_a_log() -> None:
    page = Staff.of(Role.SYSTEM_ADMIN)
    organisation = organisation_make(Organisation.Kind.OPERATOR)
    response = page.add(Client, {**OF_A_CLIENT, "organisation": str(organisation.pk)})
    assert response.status_code == 302, response.content.decode()[-3000:]
    made = Client.objects.get(code="zhigui")
    assert made.operations == sorted(USUAL_OPERATIONS[Client.Kind.CHANNEL])
    page.client.post(
        page.page_url(made),
        {**OF_A_CLIENT, "name": "智桂通", "operations": ["claims.create"], "is_active": "on"},
    )
    made.refresh_from_db()
    assert made.operations == ["claims.create"]
    event = AuditEvent.objects.get(action="client.update")
    assert event.data["new"] == {"operations": ["claims.create"]}


def test_a_secret_is_shown_once_and_kept_nowhere() -> None:
    page, client = Staff.of(Role.SYSTEM_ADMIN), client_make()
    response = page.action(client, "issue_key", algorithm="HMAC-SM3")
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    found = SECRET.search(response.content.decode())
    assert found is not None
    secret = found.group(1)
    key = ClientKey.objects.get()
    stored = client_key_secret(client=client)
    assert stored is not None
    assert (key.algorithm, stored[1].decode()) == ("HMAC-SM3", secret)
    assert "复制密钥" in response.content.decode()
    for url in (page.page_url(client), page.page_url(key), page.list_url(ClientKey)):
        assert secret not in page.html(url)
    assert said(response) == []
    assert secret not in str(dict(page.client.session.items()))
    assert secret not in str(list(AuditEvent.objects.values_list("data", flat=True)))


def test_in_a_dialog_the_secret_replaces_the_form() -> None:
    page, client = Staff.of(Role.SYSTEM_ADMIN), client_make()
    response = page.client.post(
        page.action_url(client, "issue_key"),
        {"_form_submitted": "on", "algorithm": "HMAC-SHA256"},
        headers={"HX-Request": "true"},
    )
    assert response["HX-Retarget"] == response["HX-Reselect"] == "#dialog"
    assert 'id="dialog"' in response.content.decode()
    assert "<html" not in response.content.decode()


def test_a_third_key_is_refused_and_rotation_keeps_the_algorithm() -> None:
    page, client = Staff.of(Role.SYSTEM_ADMIN), client_make()
    page.action(client, "issue_key", algorithm="HMAC-SM3")
    page.action(client, "rotate_key", confirm="1")
    assert sorted(ClientKey.objects.values_list("algorithm", flat=True)) == ["HMAC-SM3"] * 2
    response = page.action(client, "rotate_key", confirm="1")
    assert response.status_code == 302
    assert "请先吊销旧密钥" in said(response)[0]
    assert ClientKey.objects.count() == 2


def test_a_key_is_revoked_with_a_reason_by_either_administrator() -> None:
    client = client_make()
    for role in (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN):
        page = Staff.of(role)
        key = client_key_issue(client=client, now=wall()).key
        assert page.action(key, "revoke", reason="").status_code == 200
        key.refresh_from_db()
        assert key.revoked_at is None
        assert page.act(key, "revoke", reason="疑似泄露") == "密钥已吊销"
        key.refresh_from_db()
        assert key.revoked_at is not None


def test_others_cannot_issue_keys() -> None:
    client = client_make()
    for role in (Role.SECURITY_ADMIN, Role.AUDITOR, Role.CAMPAIGN_MAKER):
        page = Staff.of(role)
        assert page.action(client, "issue_key", algorithm="HMAC-SM3").status_code == 403
    assert not ClientKey.objects.exists()


def test_clients_of_another_city_are_not_there() -> None:
    page = Staff.of(Role.SYSTEM_ADMIN, region=NANNING)
    near, far = client_make(region=NANNING), client_make(region=LIUZHOU)
    assert page.get(page.page_url(near)).status_code == 200
    assert page.get(page.page_url(far)).status_code == 404
    assert page.action(far, "issue_key", algorithm="HMAC-SM3").status_code == 404
    assert not ClientKey.objects.exists()
