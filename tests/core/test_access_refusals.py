"""Names and operations that organisations, clients and staff cannot have; nothing is written."""

from collections.abc import Callable
from typing import Any

import pytest

from core.access.errors import (
    ClientCodeTakenError,
    OperationUnknownError,
    OrganisationCodeTakenError,
    UserNameTakenError,
)
from core.access.models import Client, Organisation, User
from core.access.services import client_create
from core.access.services.organisations import organisation_create
from core.access.services.users import user_create
from core.audit.models import AuditEvent
from core.clock import wall
from core.errors import DomainError
from tests.factories.merchants import client_make, organisation_make, region_make
from tests.factories.staff import staff_make

pytestmark = pytest.mark.django_db


def refused(error: type[DomainError], act: Callable[..., object], **fields: Any) -> DomainError:
    """Assert that something is refused and leaves no row."""
    tables = (Organisation, Client, User, AuditEvent)
    before = [table._default_manager.count() for table in tables]
    with pytest.raises(error) as caught:
        act(now=wall(), **fields)
    assert [table._default_manager.count() for table in tables] == before
    return caught.value


def test_codes_and_names_are_taken_once() -> None:
    there, client, user = organisation_make(), client_make(), staff_make()
    kind = Organisation.Kind.BUREAU
    fields: dict[str, Any] = {"code": there.code, "name": "另一家", "kind": kind}
    error = refused(OrganisationCodeTakenError, organisation_create, region=region_make(), **fields)
    assert error.data == {"code": there.code}
    fields = {"code": client.code, "name": "应用", "kind": Client.Kind.CHANNEL}
    error = refused(ClientCodeTakenError, client_create, organisation=there, **fields)
    assert error.data == {"code": client.code}
    fields = {"username": user.username, "display_name": "同名", "password": "Test-password-1"}
    error = refused(UserNameTakenError, user_create, organisation=there, **fields)
    assert error.data == {"username": user.username}


def test_a_client_may_only_be_allowed_what_there_is() -> None:
    fields: dict[str, Any] = {"code": "app-x", "name": "应用", "kind": Client.Kind.CHANNEL}
    error = refused(
        OperationUnknownError,
        client_create,
        organisation=organisation_make(),
        operations=["claims.create", "claims.destroy"],
        **fields,
    )
    assert error.data == {"operation": "claims.destroy"}
