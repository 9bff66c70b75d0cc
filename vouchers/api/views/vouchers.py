"""GET /vouchers: the wallet and one voucher."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import id_from_path
from core.api.paging import PAGE_PARAMETERS
from core.api.views import ApiView
from core.errors import DomainError
from vouchers.api.people import person_of
from vouchers.api.prefixes import VOUCHER
from vouchers.api.serializers.vouchers import (
    VoucherDetailSerializer,
    VoucherPageSerializer,
    VoucherQuery,
    voucher_detail_document,
    voucher_document,
)
from vouchers.history import voucher_history
from vouchers.models import Voucher
from vouchers.selectors import wallet

ORDER = ("-issued_at", "pk")


class VoucherListView(ApiView):
    """The wallet of an account of this channel."""

    operations = {"GET": "vouchers.read"}

    @extend_schema(
        operation_id="vouchers_list",
        summary="用户的消费券",
        parameters=[VoucherQuery, *PAGE_PARAMETERS],
        responses=VoucherPageSerializer,
        tags=["vouchers"],
    )
    def get(self, request: Request) -> Response:
        """List vouchers, newest first; expired as soon as their time is over."""
        del request
        query = self.query(VoucherQuery)
        person = person_of(self.client, query["person_id"])
        found = wallet(person.pk, state=query.get("state"), now=self.now)
        page = self.page(found.select_related("batch", "batch_version"), order=ORDER)
        items = [voucher_document(voucher, now=self.now) for voucher in page.rows]
        document = VoucherPageSerializer({"items": items, "next_cursor": page.next_cursor})
        return self.answer(document.data)


class VoucherView(ApiView):
    """One voucher of this client."""

    operations = {"GET": "vouchers.read"}

    @extend_schema(
        operation_id="vouchers_read",
        summary="消费券详情与经过",
        responses=VoucherDetailSerializer,
        tags=["vouchers"],
    )
    def get(self, request: Request, voucher_id: str) -> Response:
        """Show a voucher with its rules and history."""
        del request
        voucher = (
            Voucher.objects.select_related("batch", "batch_version")
            .filter(pk=id_from_path(VOUCHER, voucher_id), client=self.client.id)
            .first()
        )
        if voucher is None:
            raise DomainError("access.not_found")
        history = voucher_history(voucher, now=self.now)
        document = voucher_detail_document(voucher, history, now=self.now)
        return self.answer(VoucherDetailSerializer(document).data)
