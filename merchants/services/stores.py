"""Stores: one row per place, however many acquirers and merchant numbers serve it."""

import unicodedata
from datetime import datetime, time
from decimal import Decimal
from typing import TypedDict, Unpack
from uuid import UUID

from django.utils.translation import gettext as _

from core.access.models import Region, User
from core.errors import InvalidParametersError
from core.ids import new_number
from core.transactions import transaction_joined
from merchants.errors import MerchantRemovedError
from merchants.locks import merchant_lock, store_lock
from merchants.models import Merchant, Store
from merchants.services.changes import row_change, row_insert

NUMBER_DIGITS = 14


class StoreDetails(TypedDict, total=False):
    """What may change about a store."""

    address: str
    longitude: Decimal | None
    latitude: Decimal | None
    is_active: bool
    opens_at: time | None
    closes_at: time | None


class StoreChanges(StoreDetails, total=False):
    """Details, and the name."""

    name: str


def store_name_normalise(name: str) -> str:
    """Return the one spelling of a store's name: half-width, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", name).split())


def store_no_new(region_code: str) -> str:
    """Return a fresh store number (门店编号): the county's code and 14 digits, last one a check."""
    return region_code + new_number(NUMBER_DIGITS)


def store_upsert(
    *,
    merchant_id: UUID,
    name: str,
    region_code: str,
    owner_region: str,
    now: datetime,
    actor: User | None,
    **details: Unpack[StoreDetails],
) -> Store:
    """Add a store, or change the one of the same merchant, name and region (domain-rules §9).

    Raises:
        InvalidParametersError: unknown region, or a value of the wrong form.
        MerchantRemovedError, NotFoundError: the merchant.
    """
    name = store_name_normalise(name)
    with transaction_joined():
        merchant = merchant_lock(merchant_id)
        if merchant.state == Merchant.State.REMOVED:
            raise MerchantRemovedError
        if not Region.objects.filter(code=region_code).exists():
            raise InvalidParametersError.one("region_code", _("地区代码不存在"))
        store = (
            Store.objects.select_for_update()
            .filter(merchant=merchant, name=name, region_code=region_code)
            .order_by("store_no")
            .first()
        )
        if store is not None:
            _change(store, details, now, actor)
            return store
        store = Store(
            store_no=store_no_new(region_code),
            merchant=merchant,
            name=name,
            region_code=region_code,
            owner_region=owner_region,
            **details,
        )
        row_insert(store, action="store.create", owner_region=owner_region, now=now, actor=actor)
    return store


def store_update(
    *, store_id: UUID, now: datetime, actor: User | None, **changes: Unpack[StoreChanges]
) -> Store:
    """Change a store's name, address, place, hours, or whether it is open.

    Raises:
        NotFoundError: there is no such store. InvalidParametersError: a value of the wrong form.
    """
    if "name" in changes:
        changes["name"] = store_name_normalise(changes["name"])
    with transaction_joined():
        store = store_lock(store_id)
        _change(store, changes, now, actor)
    return store


def _change(
    store: Store, changes: StoreDetails | StoreChanges, now: datetime, actor: User | None
) -> None:
    row_change(
        store,
        changes,
        action="store.update",
        owner_region=store.owner_region,
        now=now,
        actor=actor,
    )
