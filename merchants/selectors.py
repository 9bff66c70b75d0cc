"""Reads of the merchants room: what stands behind a terminal, stores near, who sees what."""

from collections.abc import Collection, Sequence
from datetime import datetime, time
from math import cos, radians
from typing import Any
from uuid import UUID

import msgspec
from django.db import connections
from django.db.models import Exists, F, FloatField, OuterRef, Q, QuerySet
from django.db.models.functions import ACos, Cast, Cos, Greatest, Least, Radians, Sin

from core.access.region_codes import region_chain
from core.access.roles import Principal, grants_permitting
from core.access.scope import ScopeFields, scope_queryset
from core.hot import array_text
from merchants.models import Acquirer, Brand, Merchant, Payee, Store, Terminal

EARTH_M = 6_371_008.8
METRES_PER_DEGREE = 111_195.0
RADIUS_MAX_M = 50_000

ACQUIRER_SCOPE = ScopeFields(organisation="organisation_id")
MERCHANT_SCOPE = ScopeFields(
    store="stores__region_code", organisation="payees__acquirer__organisation_id"
)
STORE_SCOPE = ScopeFields(store="region_code", organisation="terminals__acquirer__organisation_id")
TERMINAL_SCOPE = ScopeFields(
    owner="store__owner_region",
    store="store__region_code",
    organisation="acquirer__organisation_id",
)
PAYEE_SCOPE = ScopeFields(organisation="acquirer__organisation_id")


class TerminalFacts(msgspec.Struct, frozen=True):
    """A terminal with everything a redemption freezes or checks about the place it stands in.

    ``is_live``: switched on, and tested (验券测试). ``payee_id`` is None if nobody is paid for its
    merchant number. Settlement terms are the acquirer's: ``term_unit`` T (working) or D (natural
    days), ``term_days``, ``cutoff``; ``fee_bp`` in hundredths of a percent.
    """

    terminal_id: UUID
    terminal_no: str
    merchant_no: str
    is_live: bool
    tested_at: datetime | None
    store_id: UUID
    store_no: str
    store_name: str
    store_region: str
    store_is_active: bool
    longitude: float | None
    latitude: float | None
    opens_at: time | None
    closes_at: time | None
    merchant_id: UUID
    merchant_name: str
    merchant_state: str
    owner_region: str
    mcc: str
    industry: str
    tier: str
    brand: str | None
    """Code of the brand, if there is one."""
    payee_id: UUID | None
    acquirer_id: UUID
    acquirer_code: str
    term_unit: str
    term_days: int
    cutoff: time
    fee_bp: int

    @property
    def merchant_is_active(self) -> bool:
        """Whether the merchant takes part (neither 暂停 nor 清退)."""
        return self.merchant_state == Merchant.State.ACTIVE


def tills_find(asked: Sequence[tuple[UUID, str, str]]) -> list[TerminalFacts | None]:
    """Return what stands behind each till (client, store number, terminal number); one query.

    A terminal client names terminals of its own acquirer, any other client one of the store
    (merchants/sql/merchants_tills.sql). None for what cannot be told.
    """
    each = list(dict.fromkeys(asked))
    found: dict[tuple[UUID, str, str], TerminalFacts] = {}
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT * FROM merchants_tills(%s::uuid[], %s::text[], %s::text[])",
            [array_text([one[column] for one in each]) for column in range(3)],
        )
        for place, *facts in cursor.fetchall():
            found[each[place]] = TerminalFacts(*facts)
    return [found.get(one) for one in asked]


def acquirer_of_organisation(organisation_id: UUID) -> Acquirer | None:
    """Return the acquirer an organisation is, if it is one: a terminal client calls for it."""
    return Acquirer.objects.filter(organisation_id=organisation_id).first()


def stores_open() -> QuerySet[Store]:
    """Return the stores where a voucher can be used: open, merchant active, a live terminal."""
    live = Terminal.objects.filter(store=OuterRef("pk"), is_active=True, tested_at__isnull=False)
    return (
        Store.objects.filter(Exists(live), is_active=True, merchant__state=Merchant.State.ACTIVE)
        .select_related("merchant")
        .order_by("store_no")
    )


def stores_near(
    stores: QuerySet[Store], *, longitude: float, latitude: float, radius_m: int = RADIUS_MAX_M
) -> QuerySet[Any]:
    """Return the stores within ``radius_m`` of a point, nearest first, with ``distance_m``.

    A box of degrees cuts the table down, the great-circle distance orders what is left; stores
    without a place are left out.
    """
    height = radius_m / METRES_PER_DEGREE
    # Near the poles a degree of longitude shrinks to nothing; China ends at 54° north.
    width = height / max(cos(radians(latitude)), 0.1)
    here_lat, here_lng = radians(latitude), Radians(Cast(F("longitude"), FloatField()))
    there_lat = Radians(Cast(F("latitude"), FloatField()))
    cosine = Sin(there_lat) * Sin(here_lat) + Cos(there_lat) * Cos(here_lat) * Cos(
        here_lng - radians(longitude)
    )
    distance = ACos(Least(Greatest(cosine, -1.0), 1.0)) * EARTH_M
    return (
        stores.filter(
            longitude__range=(longitude - width, longitude + width),
            latitude__range=(latitude - height, latitude + height),
        )
        .annotate(distance_m=distance)
        .filter(distance_m__lte=float(radius_m))
        .order_by("distance_m", "pk")
    )


def store_names(store_nos: Collection[str]) -> dict[str, str]:
    """Return store number → name of the stores there are; one query, or none for no numbers."""
    if not store_nos:
        return {}
    found = Store.objects.filter(store_no__in=store_nos).order_by()
    return dict(found.values_list("store_no", "name"))


def store_regions(store_nos: Collection[str]) -> dict[str, str]:
    """Return store number → region code of the stores there are; one query, or none."""
    if not store_nos:
        return {}
    found = Store.objects.filter(store_no__in=store_nos).order_by()
    return dict(found.values_list("store_no", "region_code"))


def brand_names(codes: Collection[str]) -> dict[str, str]:
    """Return code → name of the brands there are; one query, or none for no codes."""
    if not codes:
        return {}
    return dict(Brand.objects.filter(code__in=codes).order_by().values_list("code", "name"))


def merchants_visible(user: Principal) -> QuerySet[Merchant]:
    """Return the merchants a member of staff may see."""
    # A merchant has many stores and payees: the condition goes into a subquery, no row twice.
    found = scope_queryset(Merchant.objects.order_by(), user, MERCHANT_SCOPE)
    return Merchant.objects.filter(pk__in=found.values("pk"))


def stores_visible(user: Principal) -> QuerySet[Store]:
    """Return the stores a member of staff may see."""
    found = scope_queryset(Store.objects.order_by(), user, STORE_SCOPE)
    return Store.objects.filter(pk__in=found.values("pk"))


def terminals_visible(user: Principal) -> QuerySet[Terminal]:
    """Return the terminals a member of staff may see."""
    return scope_queryset(Terminal.objects.all(), user, TERMINAL_SCOPE)


def payees_visible(user: Principal) -> QuerySet[Payee]:
    """Return the payees a member of staff may see; only those of his own region's merchants."""
    return scope_queryset(Payee.objects.all(), user, PAYEE_SCOPE)


def acquirers_visible(user: Principal) -> QuerySet[Acquirer]:
    """Return the acquirers a member of staff may see: his region's and those of regions above.

    An acquirer of the province serves its cities, whose staff name it in imports and filters.
    """
    action = "merchants.view_acquirer"
    above = {
        code
        for grant in grants_permitting(user, action)
        if grant.organisation_id is None
        for code in region_chain(grant.region)
    }
    own = scope_queryset(Acquirer.objects.order_by(), user, ACQUIRER_SCOPE, action=action)
    return Acquirer.objects.filter(Q(pk__in=own.values("pk")) | Q(owner_region__in=sorted(above)))
