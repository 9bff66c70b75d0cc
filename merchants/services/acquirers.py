"""Acquirers (收单机构) and the terms on which subsidy is settled to them (domain-rules §10)."""

from datetime import datetime, time
from typing import TypedDict, Unpack
from uuid import UUID

from django.utils.translation import gettext as _

from core.access.models import Organisation, User
from core.clock import CUTOFF
from core.errors import InvalidParametersError
from core.transactions import transaction_joined
from merchants.errors import (
    AcquirerCodeTakenError,
    AcquirerOrganisationTakenError,
    NotFoundError,
)
from merchants.models import Acquirer
from merchants.services.changes import row_change, row_insert


class AcquirerTerms(TypedDict, total=False):
    """What may change about an acquirer; ``fee_bp`` is in hundredths of a percent."""

    name: str
    term_unit: str
    term_days: int
    cutoff: time
    fee_bp: int


def acquirer_create(
    *,
    code: str,
    name: str,
    organisation: Organisation,
    owner_region: str,
    now: datetime,
    actor: User | None,
    term_unit: str = Acquirer.TermUnit.WORKING_DAY,
    term_days: int = 1,
    cutoff: time = CUTOFF,
    fee_bp: int = 0,
) -> Acquirer:
    """Register an acquirer; default terms T+1 working day, cut-off 23:00 (domain-rules §10).

    Raises:
        AcquirerCodeTakenError, AcquirerOrganisationTakenError: registered already.
        InvalidParametersError: the organisation is of another kind, or a value is not allowed.
    """
    if organisation.kind != Organisation.Kind.ACQUIRER:
        raise InvalidParametersError.one("organisation", _("所属机构不是收单机构"))
    acquirer = Acquirer(
        code=code,
        name=name,
        organisation=organisation,
        owner_region=owner_region,
        term_unit=term_unit,
        term_days=term_days,
        cutoff=cutoff,
        fee_bp=fee_bp,
    )
    with transaction_joined():
        if Acquirer.objects.filter(code=code).exists():
            raise AcquirerCodeTakenError
        if Acquirer.objects.filter(organisation=organisation).exists():
            raise AcquirerOrganisationTakenError
        row_insert(
            acquirer, action="acquirer.create", owner_region=owner_region, now=now, actor=actor
        )
    return acquirer


def acquirer_update(
    *, acquirer_id: UUID, now: datetime, actor: User | None, **changes: Unpack[AcquirerTerms]
) -> Acquirer:
    """Change name or terms; settlement batches already made keep the terms they were made with.

    Raises:
        NotFoundError: there is no such acquirer.
        InvalidParametersError: a value is not allowed.
    """
    with transaction_joined():
        acquirer = Acquirer.objects.select_for_update().filter(pk=acquirer_id).first()
        if acquirer is None:
            raise NotFoundError
        row_change(
            acquirer,
            changes,
            action="acquirer.update",
            owner_region=acquirer.owner_region,
            now=now,
            actor=actor,
        )
    return acquirer
