"""Region scope, in one place (architecture.md, Ways in).

Staff of region R see rows whose owner lies in R's subtree; rows whose store lies in it, read-only
and without persons; and, read-only, campaigns of a higher region that cover R. Everything else is
404. A grant of an acquirer or a funder sees only rows of its organisation.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from core.access.models import Region
from core.access.region_codes import region_chain, subtree_contains, subtree_range
from core.access.roles import Grant, Principal, grants_of, grants_permitting

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class ScopeFields:
    """Where a model keeps its regions: lookup paths from its rows.

    ``owner`` the owning bureau's code, ``store`` the store's code, ``covers`` an array of codes a
    campaign applies to, ``organisation`` the organisation a row belongs to (without it, acquirers
    and funders see no row).
    """

    owner: str | None = "owner_region"
    store: str | None = None
    covers: str | None = None
    organisation: str | None = None


class RowAccess(Enum):
    """How a row is visible to a member of staff."""

    NONE = 0
    READ_WITHOUT_PERSONS = 1
    OWNED = 2


def scope_queryset(
    queryset: QuerySet[M],
    user: Principal,
    fields: ScopeFields | None = None,
    *,
    action: str | None = None,
) -> QuerySet[M]:
    """Return the rows ``user`` may see under ``action`` (default: the model's view permission)."""
    options = queryset.model._meta
    name = action or f"{options.app_label}.view_{options.model_name}"
    grants = grants_permitting(user, name)
    condition = scope_condition(grants, fields or ScopeFields())
    return queryset.none() if condition is None else queryset.filter(condition)


def scope_condition(grants: Iterable[Grant], fields: ScopeFields) -> Q | None:
    """Return the filter of all grants together; None where nothing is visible."""
    total: Q | None = None
    for grant in grants:
        condition = _of_grant(grant, fields)
        if condition is not None:
            total = condition if total is None else total | condition
    return total


def covers_condition(region: str, path: str) -> Q:
    """Return the filter of rows whose array of codes ``path`` covers ``region``.

    What covers R applies to R, to something above it, or to something inside it.
    """
    inside = Region.objects.filter(code__range=subtree_range(region)).values_list("code", flat=True)
    return Q(**{f"{path}__overlap": sorted({*region_chain(region), *inside})})


def scope_owns(user: Principal, region: str, *, action: str | None = None) -> bool:
    """Tell whether a row owned by ``region`` may be changed: it lies in a grant's subtree."""
    grants = grants_of(user) if action is None else grants_permitting(user, action)
    return any(subtree_contains(grant.region, region) for grant in grants)


def row_access(
    user: Principal,
    *,
    owner_region: str,
    store_region: str = "",
    covers: Iterable[str] = (),
    action: str | None = None,
) -> RowAccess:
    """Tell how one row is visible: owned, read-only without persons, or not at all."""
    grants = grants_of(user) if action is None else grants_permitting(user, action)
    regions = [grant.region for grant in grants]
    if any(subtree_contains(region, owner_region) for region in regions):
        return RowAccess.OWNED
    applied = list(covers)
    for region in regions:
        if subtree_contains(region, store_region):
            return RowAccess.READ_WITHOUT_PERSONS
        if any(
            subtree_contains(code, region) or subtree_contains(region, code) for code in applied
        ):
            return RowAccess.READ_WITHOUT_PERSONS
    return RowAccess.NONE


def _of_grant(grant: Grant, fields: ScopeFields) -> Q | None:
    region = _of_region(grant.region, fields)
    if grant.organisation_id is None or region is None:
        return region
    if fields.organisation is None:
        return None
    return region & Q(**{fields.organisation: grant.organisation_id})


def _of_region(region: str, fields: ScopeFields) -> Q | None:
    bounds = subtree_range(region)
    parts = [Q(**{f"{path}__range": bounds}) for path in (fields.owner, fields.store) if path]
    if fields.covers:
        parts.append(covers_condition(region, fields.covers))
    total: Q | None = None
    for part in parts:
        total = part if total is None else total | part
    return total
