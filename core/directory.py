"""Rows of upper rooms that the kernel's tables point at by plain id: their names, who may see them.

A ledger account knows its campaign, funder and unit only as ids, since the kernel knows no domain
app. The rooms that own these rows register where the names lie and how the rows are scoped; the
kernel's pages annotate and filter by that in the same query.
"""

from dataclasses import dataclass, field
from typing import Any

from django.db.models import (
    CharField,
    Expression,
    F,
    Model,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Cast, Coalesce

from core.access.roles import Principal
from core.access.scope import ScopeFields, scope_queryset

CAMPAIGN = "campaign"
FUNDER = "funder"
BATCH = "batch"
PAYEE = "payee"
UNITS = (BATCH, PAYEE)


@dataclass(frozen=True, slots=True)
class Listing:
    """A kind of row: its model, the path to its name, where it keeps its region."""

    kind: str
    model: type[Model]
    name: str
    scope: ScopeFields = field(default_factory=ScopeFields)


_listings: dict[str, Listing] = {}


def directory_register(listing: Listing) -> None:
    """Register a kind of row; called once per process when its room is ready.

    Raises:
        ValueError: another model is registered for the kind.
    """
    if _listings.setdefault(listing.kind, listing) != listing:
        raise ValueError(f"directory kind registered twice: {listing.kind}")


def directory_name(path: str, *kinds: str) -> Expression:
    """Return the name of the row that ``path`` (a column of ids) points at, or an empty text.

    With several kinds the first that knows the id gives the name.
    """
    names = [
        Subquery(
            listing.model._default_manager.filter(pk=OuterRef(path))
            .order_by()
            .values(plain_name=Cast(F(listing.name), CharField()))[:1]
        )
        for listing in map(_listings.get, kinds)
        if listing is not None
    ]
    nothing: list[Any] = [Value(""), Value("")]
    return Coalesce(*names, *nothing, output_field=CharField())


def directory_visible(kind: str, user: Principal, action: str) -> QuerySet[Any]:
    """Return the rows of a kind whose owner ``user`` may look into under ``action``.

    Raises:
        LookupError: no room registered the kind.
    """
    try:
        listing = _listings[kind]
    except KeyError:
        raise LookupError(f"unknown directory kind {kind!r}") from None
    rows: QuerySet[Any] = listing.model._default_manager.all()
    return scope_queryset(rows, user, listing.scope, action=action)


def directory_choices(kind: str, user: Principal, action: str) -> list[tuple[str, str]]:
    """Return id and name of every visible row of a kind, for a filter."""
    listing = _listings[kind]
    rows = directory_visible(kind, user, action).order_by(listing.name, "pk")
    return [(str(pk), str(name)) for pk, name in rows.values_list("pk", listing.name)]
