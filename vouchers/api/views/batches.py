"""GET /batches."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.access.scope import covers_condition
from core.api.paging import PAGE_PARAMETERS
from core.api.views import ApiView
from vouchers.api.people import person_of
from vouchers.api.serializers.batches import BatchQuery, OfferPageSerializer, offer_document
from vouchers.naming import scope_names
from vouchers.offers import batches_offered, offers_of

ORDER = ("funded_rank", "-campaign_starts_at", "campaign_id", "position", "pk")


class BatchListView(ApiView):
    """What can be claimed now and next."""

    operations = {"GET": "batches.read"}

    @extend_schema(
        operation_id="batches_list",
        summary="可领取的券",
        parameters=[BatchQuery, *PAGE_PARAMETERS],
        responses=OfferPageSerializer,
        tags=["batches"],
    )
    def get(self, request: Request) -> Response:
        """List batches of running campaigns, those with government money first."""
        del request
        query = self.query(BatchQuery)
        person = person_of(self.client, query["person_id"]) if "person_id" in query else None
        found = batches_offered(self.client.owner_region, now=self.now)
        if "campaign" in query:
            found = found.filter(campaign=query["campaign"])
        if "region" in query:
            found = found.filter(covers_condition(query["region"], "campaign__regions"))
        page = self.page(found, order=ORDER)
        offers = offers_of(page.rows, client_id=self.client.id, person=person, now=self.now)
        names = scope_names(offer.rules for offer in offers)
        items = [offer_document(offer, names) for offer in offers]
        document = OfferPageSerializer({"items": items, "next_cursor": page.next_cursor})
        return self.answer(document.data)
