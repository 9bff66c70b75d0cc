"""Where a batch can be used: stores of the list in force that its scope names."""

from collections.abc import Collection
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Exists, OuterRef, Q, QuerySet, Value

from campaigns.models import Whitelist, WhitelistEntry
from core.access.region_codes import subtree_range
from merchants.models import Store
from merchants.selectors import stores_near, stores_open
from vouchers.models import Batch
from vouchers.rules.model import rules_read

ASKED_AT_ONCE = 32
"""Pairs of batch and store that are looked at for the nearest store; the others are told none."""


class NearStore(msgspec.Struct, frozen=True):
    """A store where a voucher can be used, and how far it is."""

    store_no: str
    name: str
    address: str
    distance_m: int

    def words(self, *, english: bool) -> str:
        """Say the store as a refusal does, e.g. 万象城店（民族大道136号，约1.2公里）."""
        far = f"{self.distance_m / 1000:.1f}"
        if english:
            return f"{self.name} ({self.address}, about {far} km)"
        return f"{self.name}（{self.address}，约{far}公里）"


def stores_in(region: str) -> QuerySet[Store]:
    """Return the open stores of a region's subtree."""
    return stores_open().filter(region_code__range=subtree_range(region))


def stores_of(batch: Batch) -> QuerySet[Store]:
    """Return the open stores where vouchers of ``batch`` can be used now; needs its version.

    A pack is used where one of its vouchers is.
    """
    if batch.kind == Batch.Kind.PACK:
        parts = batch.parts.select_related("campaign", "version")
        places = [Q(pk__in=stores_of(part).values("pk")) for part in parts]
        return stores_open().filter(reduce(or_, places, Q(pk__in=[])))
    if batch.version is None:
        return Store.objects.none()
    use = rules_read(batch.version.rules).use
    stores = stores_open().filter(_inside(use.regions or batch.campaign.regions))
    if use.industries:
        stores = stores.filter(merchant__industry__in=use.industries)
    if use.stores:
        stores = stores.filter(store_no__in=use.stores)
    if use.brands:
        stores = stores.filter(merchant__brand__code__in=use.brands)
    if use.tiers:
        stores = stores.filter(merchant__tier__in=use.tiers)
    if use.whitelist:
        listed = WhitelistEntry.objects.filter(
            store=OuterRef("pk"),
            whitelist__campaign=batch.campaign_id,
            whitelist__state=Whitelist.State.IN_FORCE,
        )
        stores = stores.filter(Exists(listed))
    return stores


def stores_nearest(asked: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], NearStore]:
    """Return, per (batch, store), the nearest other store where the batch can be used now.

    Three queries. Stores without a place, and what is farther than `stores_near` looks, have none.
    """
    pairs = sorted(set(asked))[:ASKED_AT_ONCE]
    points = {
        pk: (float(longitude), float(latitude))
        for pk, longitude, latitude in Store.objects.filter(
            pk__in={store_id for _, store_id in pairs}
        ).values_list("pk", "longitude", "latitude")
        if longitude is not None and latitude is not None
    }
    batches = (
        Batch.objects.filter(pk__in={batch_id for batch_id, _ in pairs})
        .select_related("campaign", "version")
        .only(
            "kind", "campaign__regions", "version__rules"
        )  # not the whole definition, once per batch
        .in_bulk()
    )
    queries: list[QuerySet[Any, Any]] = []
    for place, (batch_id, store_id) in enumerate(pairs):
        if store_id in points and batch_id in batches:
            longitude, latitude = points[store_id]
            stores = stores_of(batches[batch_id]).exclude(pk=store_id)
            near = stores_near(stores, longitude=longitude, latitude=latitude)
            named = near.annotate(place=Value(place))
            queries.append(
                named.values_list("place", "store_no", "name", "address", "distance_m")[:1]
            )
    if not queries:
        return {}
    return {
        pairs[place]: NearStore(store_no, name, address, round(distance_m))
        for place, store_no, name, address, distance_m in queries[0].union(*queries[1:], all=True)
    }


def stores_named(stores: QuerySet[Store], text: str) -> QuerySet[Store]:
    """Return those whose store name, merchant name or address contains ``text``."""
    return stores.filter(
        Q(name__icontains=text) | Q(merchant__name__icontains=text) | Q(address__icontains=text)
    )


def _inside(regions: tuple[str, ...] | list[str]) -> Q:
    total = Q(pk__in=[])
    for region in regions:
        total |= Q(region_code__range=subtree_range(region))
    return total
