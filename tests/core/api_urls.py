"""A small API over the base classes, for tests of the base itself."""

from typing import Any, ClassVar

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.access.throttling import person_rate_check
from core.api.fields import (
    FenField,
    MomentField,
    PublicIdField,
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
    id_from_path,
)
from core.api.paging import page_of
from core.api.serializers import QuerySerializer, StrictSerializer
from core.api.views import ApiView
from core.errors import Refusal, RefusedError
from core.models import Region


class ItemSerializer(StrictSerializer):
    sku = StrictCharField(max_length=10, pattern="[a-z0-9]+")
    amount_fen = FenField(min_value=1)


class OrderSerializer(StrictSerializer):
    batch_id = PublicIdField("bat")
    order_fen = FenField(min_value=1, max_value=1000)
    name = StrictCharField(max_length=5, required=False)
    online = StrictBooleanField(required=False)
    paid_at = MomentField(required=False)
    count = StrictIntegerField(min_value=-1, max_value=9, required=False)
    items = ItemSerializer(many=True, required=False)


class RegionQuery(QuerySerializer):
    level = serializers.ChoiceField(choices=Region.Level.choices, required=False)


class OrderView(ApiView):
    operations: ClassVar = {
        "POST": "claims.create",
        "GET": "claims.read",
        "PUT": "persons.register",
    }

    def get(self, request: Request) -> Response:
        parameters = self.query(RegionQuery)
        rows = Region.objects.filter(**parameters)
        page = page_of(
            rows,
            order=("-level", "code"),
            cursor=request.query_params.get("cursor", ""),
            limit=request.query_params.get("limit", "50"),
        )
        codes = [region.code for region in page.rows]
        return self.answer({"items": codes, "next_cursor": page.next_cursor})

    def post(self, request: Request) -> Response:
        data = self.body(OrderSerializer)
        if data["order_fen"] == 999:
            raise RefusedError(
                [
                    Refusal("redemption.below_threshold", {"shortfall_fen": 1, "basis": "ORDER"}),
                    Refusal("redemption.card_not_allowed", {"prefixes": ["62"]}),
                ]
            )
        document: dict[str, Any] = OrderSerializer(data).data
        document["fingerprint"] = self.idempotency.fingerprint
        document["client"] = self.client.code
        return self.answer(document, status=201, replayed=data["order_fen"] == 998)

    def put(self, request: Request) -> Response:
        person_rate_check(self.client, "person-1")
        return self.answer(request.data)


class QuoteView(ApiView):
    operations: ClassVar = {"POST": "redemptions.quote"}
    changes_nothing = frozenset({"POST"})

    def post(self, request: Request) -> Response:
        return self.answer({"order_fen": self.body(OrderSerializer)["order_fen"]})


class OneView(ApiView):
    operations: ClassVar = {"GET": "vouchers.read"}

    def get(self, request: Request, public_id: str) -> Response:
        return self.answer({"id": str(id_from_path("vch", public_id))})


urlpatterns = [
    path("api/v1/orders", OrderView.as_view()),
    path("api/v1/quote", QuoteView.as_view()),
    path("api/v1/vouchers/<str:public_id>", OneView.as_view()),
]
handler404 = "core.errors.handler.page_not_found"
handler500 = "core.errors.handler.server_error"
