"""Create and change the organisations that staff and clients belong to."""

from datetime import datetime

from django.db import IntegrityError, transaction

from core.access.errors import OrganisationCodeTakenError
from core.access.models import Organisation, Region, User
from core.audit.services import audit_record
from core.transactions import transaction_joined


def organisation_create(
    *,
    code: str,
    name: str,
    kind: Organisation.Kind,
    region: Region,
    now: datetime,
    actor: User | None = None,
) -> Organisation:
    """Make an organisation.

    Raises:
        OrganisationCodeTakenError: the code exists.
    """
    with transaction_joined():
        try:
            with transaction.atomic():
                organisation = Organisation.objects.create(
                    code=code, name=name, kind=kind, region=region
                )
        except IntegrityError as error:
            raise OrganisationCodeTakenError(data={"code": code}) from error
        audit_record(
            action="organisation.create",
            subject_type="organisation",
            subject_id=organisation.pk,
            now=now,
            actor=actor,
            owner_region=region.code,
            data={"code": code, "name": name, "kind": kind},
        )
    return organisation


def organisation_update(
    *,
    organisation: Organisation,
    now: datetime,
    name: str | None = None,
    is_active: bool | None = None,
    actor: User | None = None,
) -> Organisation:
    """Rename an organisation, or switch it off: its role grants rest while it is off.

    Code, kind and region stay, since grants and clients were given for them.
    """
    wanted = {"name": name, "is_active": is_active}
    with transaction_joined():
        row = Organisation.objects.select_for_update().get(pk=organisation.pk)
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
            audit_record(
                action="organisation.update",
                subject_type="organisation",
                subject_id=row.pk,
                now=now,
                actor=actor,
                owner_region=row.region_id,
                data={"old": old, "new": changed},
            )
    return row
