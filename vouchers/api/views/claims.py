"""POST /claims and what is read about a claim."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import id_from_path
from core.api.views import ApiView
from core.errors import DomainError
from vouchers.api import prefixes
from vouchers.api.hot import CLAIM
from vouchers.api.serializers.claims import (
    ClaimAnswerSerializer,
    ClaimQuery,
    ClaimSerializer,
    claim_document,
)
from vouchers.selectors import claim_id_of
from vouchers.services.claim_facts import claim_facts


class ClaimListView(ApiView):
    """Claim a voucher; ask what became of a request."""

    operations = {"POST": "claims.create", "GET": "claims.read"}

    @extend_schema(
        operation_id="claims_create",
        summary="领取",
        request=ClaimSerializer,
        responses={201: ClaimAnswerSerializer},
        tags=["claims"],
    )
    def post(self, request: Request) -> Response:
        """Claim one voucher of a batch for an account of this channel."""
        del request
        return self.hot(CLAIM)

    @extend_schema(
        operation_id="claims_find",
        summary="按请求流水号查询领取结果",
        parameters=[ClaimQuery],
        responses=ClaimAnswerSerializer,
        tags=["claims"],
    )
    def get(self, request: Request) -> Response:
        """Tell what became of a request; 404 with ``data.effect = "none"`` if nothing happened."""
        del request
        request_no = self.query(ClaimQuery)["request_no"]
        claim_id = claim_id_of(self.client.id, request_no=request_no)
        if claim_id is None:
            raise DomainError("access.not_found", data={"effect": "none"})
        return self.answer(_document(claim_id))


class ClaimView(ApiView):
    """One claim of this client."""

    operations = {"GET": "claims.read"}

    @extend_schema(
        operation_id="claims_read",
        summary="领取结果",
        responses=ClaimAnswerSerializer,
        tags=["claims"],
    )
    def get(self, request: Request, claim_id: str) -> Response:
        """Show a claim as it was first answered."""
        del request
        found = claim_id_of(self.client.id, claim_id=id_from_path(prefixes.CLAIM, claim_id))
        if found is None:
            raise DomainError("access.not_found")
        return self.answer(_document(found))


def _document(claim_id: UUID) -> dict[str, object]:
    return claim_document(claim_facts([claim_id])[claim_id])
