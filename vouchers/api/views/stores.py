"""GET /stores."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.paging import PAGE_PARAMETERS
from core.api.views import ApiView
from core.errors import DomainError
from merchants.selectors import stores_near
from vouchers.api.serializers.stores import StorePageSerializer, StoreQuery, store_document
from vouchers.offers import batches_known
from vouchers.places import stores_in, stores_named, stores_of


class StoreListView(ApiView):
    """Where vouchers can be used."""

    operations = {"GET": "stores.read"}

    @extend_schema(
        operation_id="stores_list",
        summary="适用门店",
        parameters=[StoreQuery, *PAGE_PARAMETERS],
        responses=StorePageSerializer,
        tags=["stores"],
    )
    def get(self, request: Request) -> Response:
        """List open stores with a tested terminal, nearest first if a place is given."""
        del request
        query = self.query(StoreQuery)
        region = self.client.owner_region
        if "batch_id" in query:
            batch = batches_known(region, now=self.now).filter(pk=query["batch_id"]).first()
            if batch is None:
                raise DomainError("access.not_found", data={"field": "batch_id"})
            stores = stores_of(batch)
        else:
            stores = stores_in(region)
        if "q" in query:
            stores = stores_named(stores, query["q"])
        order: tuple[str, ...] = ("store_no",)
        if "lng" in query:
            stores = stores_near(
                stores, longitude=float(query["lng"]), latitude=float(query["lat"])
            )
            order = ("distance_m", "pk")
        page = self.page(stores, order=order)
        items = [store_document(store) for store in page.rows]
        document = StorePageSerializer({"items": items, "next_cursor": page.next_cursor})
        return self.answer(document.data)
