"""Saving a changed row together with the audit event that says what changed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model

from core.access.models import User
from core.audit.services import audit_record
from core.errors import InvalidParam, InvalidParametersError


def row_insert(
    row: Model,
    *,
    action: str,
    owner_region: str,
    now: datetime,
    actor: User | None,
    reason: str = "",
) -> None:
    """Check the fields of a new row, insert it and record it.

    Raises:
        InvalidParametersError: a value the model does not allow.
    """
    _check(row, None)
    row.save(force_insert=True)
    values = {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if not field.primary_key and not field.attname.endswith("_hash")
    }
    _record(
        row,
        action=action,
        owner_region=owner_region,
        now=now,
        actor=actor,
        reason=reason,
        data={"new": values},
    )


def row_change(
    row: Model,
    changes: Mapping[str, Any],
    *,
    action: str,
    owner_region: str,
    now: datetime,
    actor: User | None,
    reason: str = "",
) -> bool:
    """Set the fields that differ, save and record them; tells whether anything differed.

    Raises:
        InvalidParametersError: a value the model does not allow; nothing is saved.
    """
    differing = {name: value for name, value in changes.items() if getattr(row, name) != value}
    if not differing:
        return False
    old = {name: getattr(row, name) for name in differing}
    for name, value in differing.items():
        setattr(row, name, value)
    _check(row, set(differing))
    row.save(update_fields=list(differing))
    data = {
        name: {"old": old[name], "new": differing[name]}
        for name in differing
        if not name.endswith("_hash")
    }
    _record(
        row,
        action=action,
        owner_region=owner_region,
        now=now,
        actor=actor,
        reason=reason,
        data=data,
    )
    return True


def _check(row: Model, only: set[str] | None) -> None:
    names = {field.name for field in row._meta.concrete_fields if not field.is_relation}
    attnames = {field.attname: field.name for field in row._meta.concrete_fields}
    exclude = {field.name for field in row._meta.concrete_fields} - (
        names if only is None else {attnames.get(name, name) for name in only} & names
    )
    try:
        row.clean_fields(exclude=exclude)
    except ValidationError as error:
        raise InvalidParametersError(
            invalid_params=[
                InvalidParam(name, " ".join(messages))
                for name, messages in error.message_dict.items()
            ]
        ) from error


def _record(
    row: Model,
    *,
    action: str,
    owner_region: str,
    now: datetime,
    actor: User | None,
    reason: str,
    data: Mapping[str, object],
) -> None:
    audit_record(
        action=action,
        subject_type=row._meta.label_lower,
        subject_id=row.pk,
        now=now,
        actor=actor,
        owner_region=owner_region,
        reason=reason,
        data=data,
    )
