"""Accounts as a view names them: only the client that registered one may (api.md, Visibility)."""

from uuid import UUID

from core.access.credentials import ClientPrincipal
from core.errors import DomainError
from vouchers.models import Enrolment


def person_of(client: ClientPrincipal, person_id: UUID) -> Enrolment:
    """Return the client's own account.

    Raises:
        DomainError: access.not_found for an unknown one and another client's alike.
    """
    person = Enrolment.objects.filter(pk=person_id, client=client.id).first()
    if person is None:
        raise DomainError("access.not_found", data={"field": "person_id"})
    return person
