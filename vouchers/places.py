"""Where a batch can be used: stores of the list in force, in its regions and industries."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from campaigns.models import Whitelist, WhitelistEntry
from core.access.region_codes import subtree_range
from merchants.models import Store
from merchants.selectors import stores_open
from vouchers.models import Batch
from vouchers.rules.model import rules_read


def stores_in(region: str) -> QuerySet[Store]:
    """Return the open stores of a region's subtree."""
    return stores_open().filter(region_code__range=subtree_range(region))


def stores_of(batch: Batch) -> QuerySet[Store]:
    """Return the open stores where vouchers of ``batch`` can be used now; needs its version."""
    if batch.version is None:
        return Store.objects.none()
    use = rules_read(batch.version.rules).use
    stores = stores_open().filter(_inside(use.regions or batch.campaign.regions))
    if use.industries:
        stores = stores.filter(merchant__industry__in=use.industries)
    if use.whitelist:
        listed = WhitelistEntry.objects.filter(
            store=OuterRef("pk"),
            whitelist__campaign=batch.campaign_id,
            whitelist__state=Whitelist.State.IN_FORCE,
        )
        stores = stores.filter(Exists(listed))
    return stores


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
