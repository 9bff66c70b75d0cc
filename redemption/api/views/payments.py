"""Payment codes, quote and hold."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.views import ApiView
from core.errors import DomainError
from redemption.api.hot import HOLD, PAYMENT_CODE, QUOTE
from redemption.api.serializers.payments import (
    HoldSerializer,
    PaymentSerializer,
    QuoteSerializer,
)
from redemption.api.serializers.redemptions import (
    HoldAnswerSerializer,
    PaymentCodeAnswerSerializer,
    PaymentCodeSerializer,
    RedemptionQuery,
    RedemptionSerializer,
    redemption_document,
)
from redemption.selectors import (
    redemption_by_order,
    redemption_by_request,
    redemptions_of_client,
)


class PaymentCodeView(ApiView):
    """Payment codes of an account of this channel."""

    operations = {"POST": "payment_codes.create"}

    @extend_schema(
        operation_id="payment_codes_create",
        summary="生成付款码",
        request=PaymentCodeSerializer,
        responses={201: PaymentCodeAnswerSerializer},
        tags=["payments"],
    )
    def post(self, request: Request, person_id: str) -> Response:
        """Make a code that one hold can use within 60 seconds."""
        del request
        return self.hot(PAYMENT_CODE, person_id=person_id)


class QuoteView(ApiView):
    """What vouchers would do for a payment."""

    operations = {"POST": "redemptions.quote"}
    changes_nothing = frozenset({"POST"})

    @extend_schema(
        operation_id="redemptions_quote",
        summary="试算",
        request=PaymentSerializer,
        responses=QuoteSerializer,
        tags=["payments"],
    )
    def post(self, request: Request) -> Response:
        """Rank the usable vouchers, and say of each other one why not and what would mend it."""
        del request
        return self.hot(QUOTE)


class RedemptionListView(ApiView):
    """Hold a voucher for a payment; ask what became of a request or order."""

    operations = {"POST": "redemptions.hold", "GET": "redemptions.read"}

    @extend_schema(
        operation_id="redemptions_hold",
        summary="占用（锁券）",
        request=HoldSerializer,
        responses={201: HoldAnswerSerializer},
        tags=["redemptions"],
    )
    def post(self, request: Request) -> Response:
        """Hold the best or the named voucher until it is confirmed, released, or timed out."""
        del request
        return self.hot(HOLD)

    @extend_schema(
        operation_id="redemptions_find",
        summary="按请求流水号或商户订单号查询核销",
        parameters=[RedemptionQuery],
        responses=RedemptionSerializer,
        tags=["redemptions"],
    )
    def get(self, request: Request) -> Response:
        """Tell the truth about a request; 404 with ``data.effect = "none"`` if nothing happened."""
        del request
        query = self.query(RedemptionQuery)
        if "request_no" in query:
            found = redemption_by_request(self.client.id, query["request_no"])
        else:
            found = redemption_by_order(self.client.id, query["order_no"])
        visible = redemptions_of_client(self.client.id)
        redemption = visible.filter(pk=found).first() if found else None
        if redemption is None:
            raise DomainError("access.not_found", data={"effect": "none"})
        return self.answer(redemption_document(redemption, client_id=self.client.id, now=self.now))
