"""Who may see and take which statement."""

from datetime import date, datetime
from pathlib import Path
from uuid import UUID

from django.db.models import QuerySet

from core.access.models import User
from core.access.scope import ScopeFields, scope_queryset
from core.audit.services import audit_record
from core.errors import DomainError
from core.jobs.files import job_file_path
from core.transactions import transaction_joined
from redemption.settlement.models import Statement

_OF_ACQUIRER = ScopeFields(organisation="acquirer__organisation_id")
_OF_FUNDER = ScopeFields(organisation="funder__organisation_id")


def statements_visible(queryset: QuerySet[Statement], user: User) -> QuerySet[Statement]:
    """Return the statements of the own region; acquirers and funders see their own alone."""
    mine = Statement.objects.order_by()
    of_acquirer = scope_queryset(mine, user, _OF_ACQUIRER).values("pk")
    of_funder = scope_queryset(mine, user, _OF_FUNDER).values("pk")
    return queryset.filter(pk__in=of_acquirer.union(of_funder))


def statements_of_client(*, organisation_id: UUID, day: date | None = None) -> QuerySet[Statement]:
    """Return the statements of the acquirer an API client belongs to, of one business date."""
    rows = Statement.objects.filter(acquirer__organisation_id=organisation_id).select_related(
        "campaign", "file"
    )
    return rows if day is None else rows.filter(business_date=day)


def statement_download(
    *, statement: Statement, now: datetime, user: User | None = None, client_code: str = ""
) -> Path:
    """Return where a statement's file lies, unchanged, and record who took it.

    Raises:
        DomainError: ``access.not_found`` if the file is gone.
        JobFileChangedError: it is not the one that was written.
    """
    if not statement.file.sha256:
        raise DomainError("access.not_found")
    path = job_file_path(statement.file)
    with transaction_joined():
        audit_record(
            action="statement.download",
            subject_type="statement",
            subject_id=statement.pk,
            now=now,
            actor=user,
            owner_region=statement.owner_region,
            data={
                "name": statement.file.name,
                "sha256": statement.file.sha256,
                "client": client_code,
            },
        )
    return path
