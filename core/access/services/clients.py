"""Create and change the systems that call the API."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from core.access.credentials import credentials_forget
from core.access.errors import ClientCodeTakenError, OperationUnknownError
from core.access.models import Client, Organisation, User
from core.access.operations import OPERATIONS, USUAL_OPERATIONS
from core.audit.services import audit_record
from core.transactions import transaction_joined


def client_create(
    *,
    code: str,
    name: str,
    kind: Client.Kind,
    organisation: Organisation,
    now: datetime,
    operations: Sequence[str] | None = None,
    owner_region: str | None = None,
    rate_per_minute: int = 60_000,
    person_rate_per_minute: int = 60,
    actor: User | None = None,
) -> Client:
    """Make a client without keys.

    ``operations`` is its allow-list, by default the usual one of its kind; ``owner_region`` is the
    bureau's code, by default the organisation's.

    Raises:
        ClientCodeTakenError: the code exists.
        OperationUnknownError: the list names what is no operation.
    """
    allowed = _operations(USUAL_OPERATIONS[kind] if operations is None else operations)
    with transaction_joined():
        try:
            with transaction.atomic():
                client = Client.objects.create(
                    code=code,
                    name=name,
                    kind=kind,
                    organisation=organisation,
                    owner_region=owner_region or organisation.region_id,
                    operations=allowed,
                    rate_per_minute=rate_per_minute,
                    person_rate_per_minute=person_rate_per_minute,
                    created_at=now,
                )
        except IntegrityError as error:
            raise ClientCodeTakenError(data={"code": code}) from error
        _audit(
            client,
            "client.create",
            now=now,
            actor=actor,
            data={"code": code, "operations": allowed},
        )
    return client


def client_update(
    *,
    client: Client,
    now: datetime,
    name: str | None = None,
    operations: Sequence[str] | None = None,
    rate_per_minute: int | None = None,
    person_rate_per_minute: int | None = None,
    is_active: bool | None = None,
    reason: str = "",
    actor: User | None = None,
) -> Client:
    """Change what is named; other processes follow within a second.

    Raises:
        OperationUnknownError: the list names what is no operation.
    """
    wanted = {
        "name": name,
        "operations": None if operations is None else _operations(operations),
        "rate_per_minute": rate_per_minute,
        "person_rate_per_minute": person_rate_per_minute,
        "is_active": is_active,
    }
    with transaction_joined():
        row = Client.objects.select_for_update().get(pk=client.pk)
        changed = {
            field: value
            for field, value in wanted.items()
            if value is not None and getattr(row, field) != value
        }
        if changed:
            old = {field: getattr(row, field) for field in changed}
            for field, value in changed.items():
                setattr(row, field, value)
            row.save(update_fields=list(changed))
            data = {"old": old, "new": changed}
            _audit(row, "client.update", now=now, actor=actor, data=data, reason=reason)
        transaction.on_commit(credentials_forget)
    return row


def _operations(names: Sequence[str]) -> list[str]:
    for name in names:
        if name not in OPERATIONS:
            raise OperationUnknownError(data={"operation": name})
    return sorted(set(names))


def _audit(
    client: Client,
    action: str,
    *,
    now: datetime,
    actor: User | None,
    data: Mapping[str, object],
    reason: str = "",
) -> None:
    audit_record(
        action=action,
        subject_type="client",
        subject_id=client.pk,
        now=now,
        actor=actor,
        owner_region=client.owner_region,
        reason=reason,
        data=data,
    )
