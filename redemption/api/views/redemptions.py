"""One redemption: read, confirm, release, cancel, refund."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import id_from_path
from core.api.views import ApiView
from core.errors import DomainError, RefusedError
from core.ids import to_public
from redemption.answers import (
    REDEMPTION,
    cancel_answer,
    funders_answer,
    refund_answer,
    release_answer,
)
from redemption.api.hot import CONFIRM
from redemption.api.serializers.redemptions import (
    CancelAnswerSerializer,
    ConfirmAnswerSerializer,
    ConfirmSerializer,
    EmptySerializer,
    RedemptionSerializer,
    RefundAnswerSerializer,
    RefundPreviewSerializer,
    RefundQuery,
    RefundSerializer,
    ReleaseAnswerSerializer,
    redemption_document,
)
from redemption.selectors import redemptions_of_client
from redemption.services.cancel import redemptions_cancel
from redemption.services.facts import StepFact, StepOutcome
from redemption.services.refund import redemptions_refund, refund_preview
from redemption.services.requests import (
    CancelCommand,
    RefundCommand,
    ReleaseCommand,
)
from redemption.services.unhold import redemptions_release


class _StepView(ApiView):
    """What the views of state-changing steps share."""

    def keyed(self, redemption_id: str) -> dict[str, Any]:
        """Return the fields every command carries."""
        return {
            "client_id": self.client.id,
            "idempotency_key": self.idempotency.key,
            "fingerprint": self.idempotency.fingerprint,
            "at": self.now,
            "redemption_id": id_from_path(REDEMPTION, redemption_id),
        }

    def step(
        self, outcome: StepOutcome, document: Callable[[StepFact], Any], *, status: int = 200
    ) -> Response:
        """Translate an outcome."""
        if outcome.fact is None:
            raise RefusedError(outcome.refusals)
        return self.answer(
            document(outcome.fact), status=status, replayed=outcome.outcome == "REPLAY"
        )


class RedemptionView(ApiView):
    """One redemption this client made, or one of a voucher it issued."""

    operations = {"GET": "redemptions.read"}

    @extend_schema(
        operation_id="redemptions_read",
        summary="核销详情",
        responses=RedemptionSerializer,
        tags=["redemptions"],
    )
    def get(self, request: Request, redemption_id: str) -> Response:
        """Show a redemption as it stands now, with its steps."""
        del request
        found = id_from_path(REDEMPTION, redemption_id)
        redemption = redemptions_of_client(self.client.id).filter(pk=found).first()
        if redemption is None:
            raise DomainError("access.not_found")
        return self.answer(redemption_document(redemption, client_id=self.client.id, now=self.now))


class ConfirmView(ApiView):
    """Confirm a hold."""

    operations = {"POST": "redemptions.confirm"}

    @extend_schema(
        operation_id="redemptions_confirm",
        summary="核销确认",
        request=ConfirmSerializer,
        responses=ConfirmAnswerSerializer,
        tags=["redemptions"],
    )
    def post(self, request: Request, redemption_id: str) -> Response:
        """Record that the customer has paid: the voucher is used."""
        del request
        return self.hot(CONFIRM, redemption_id=redemption_id)


class ReleaseView(_StepView):
    """Give a hold back."""

    operations = {"POST": "redemptions.release"}

    @extend_schema(
        operation_id="redemptions_release",
        summary="释放占用",
        request=EmptySerializer,
        responses=ReleaseAnswerSerializer,
        tags=["redemptions"],
    )
    def post(self, request: Request, redemption_id: str) -> Response:
        """Give the hold back: the payment was not made."""
        del request
        self.body(EmptySerializer)
        (outcome,) = redemptions_release(commands=[ReleaseCommand(**self.keyed(redemption_id))])
        return self.step(outcome, release_answer)


class CancelView(_StepView):
    """Undo a confirmed redemption before the cut-off."""

    operations = {"POST": "redemptions.cancel"}

    @extend_schema(
        operation_id="redemptions_cancel",
        summary="撤销",
        request=EmptySerializer,
        responses=CancelAnswerSerializer,
        tags=["redemptions"],
    )
    def post(self, request: Request, redemption_id: str) -> Response:
        """Undo a confirmed redemption as a whole."""
        del request
        self.body(EmptySerializer)
        (outcome,) = redemptions_cancel(commands=[CancelCommand(**self.keyed(redemption_id))])
        return self.step(outcome, cancel_answer)


class RefundView(_StepView):
    """Refund a part or the whole."""

    operations = {"POST": "redemptions.refund"}

    @extend_schema(
        operation_id="redemptions_refund",
        summary="退款",
        parameters=[RefundQuery],
        request=RefundSerializer,
        responses={201: RefundAnswerSerializer, 200: RefundPreviewSerializer},
        tags=["redemptions"],
    )
    def post(self, request: Request, redemption_id: str) -> Response:
        """Refund ``order_fen`` of the order; with ``dry_run`` tell only what that would do."""
        del request
        dry_run = self.query(RefundQuery).get("dry_run", False)
        data = self.body(RefundSerializer)
        if dry_run:
            return self._preview(id_from_path(REDEMPTION, redemption_id), data)
        command = RefundCommand(
            **self.keyed(redemption_id),
            refund_no=data["refund_no"],
            order_fen=data["order_fen"],
        )
        (outcome,) = redemptions_refund(commands=[command])
        return self.step(outcome, refund_answer, status=201)

    def _preview(self, redemption_id: UUID, data: dict[str, Any]) -> Response:
        preview = refund_preview(
            client_id=self.client.id,
            redemption_id=redemption_id,
            refund_no=data["refund_no"],
            order_fen=data["order_fen"],
            at=self.now,
        )
        if preview.slice is None:
            raise RefusedError(preview.refusals)
        return self.answer(
            {
                "redemption_id": to_public(REDEMPTION, redemption_id),
                "refund_no": data["refund_no"],
                "order_fen": preview.slice.order_fen,
                "payer_fen": preview.slice.payer_fen,
                "subsidy_fen": preview.slice.subsidy_fen,
                "funders": funders_answer(preview.funders),
                "voucher_fate": preview.slice.voucher_fate,
            }
        )
