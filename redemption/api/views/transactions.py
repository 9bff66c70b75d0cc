"""Purchases without a voucher: report one, ask what became of it."""

from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import id_from_path
from core.api.views import ApiView
from core.errors import DomainError, InvalidParametersError, RefusedError
from merchants.models import Transaction
from redemption.api.serializers.transactions import (
    TRANSACTION,
    TransactionAnswerSerializer,
    TransactionQuery,
    TransactionSerializer,
    TransactionStateSerializer,
    purchase_command,
    transaction_document,
    transaction_state_document,
)
from redemption.services.purchases import purchases_report
from redemption.services.requests import KeyedCommand

OLDEST, AHEAD = timedelta(days=7), timedelta(minutes=5)
"""How long after a transaction it may be reported, and how far a till's clock may be ahead."""


class TransactionListView(ApiView):
    """Report a purchase or its refund; find one by its request."""

    operations = {"POST": "transactions.create", "GET": "transactions.create"}

    @extend_schema(
        operation_id="transactions_create",
        summary="上报交易",
        request=TransactionSerializer,
        responses={201: TransactionAnswerSerializer},
        tags=["transactions"],
    )
    def post(self, request: Request) -> Response:
        """Record it; return vouchers for it follow within seconds, or are taken back."""
        del request
        keyed = KeyedCommand(
            client_id=self.client.id,
            idempotency_key=self.idempotency.key,
            fingerprint=self.idempotency.fingerprint,
            at=self.now,
        )
        command = purchase_command(self.body(TransactionSerializer), keyed)
        if not self.now - OLDEST <= command.traded_at <= self.now + AHEAD:
            raise InvalidParametersError.one("traded_at", _("交易时间过早或晚于当前时间"))
        (outcome,) = purchases_report(commands=[command])
        if outcome.transaction is None:
            raise RefusedError(outcome.refusals)
        return self.answer(
            transaction_document(outcome.transaction),
            status=201,
            replayed=outcome.outcome == "REPLAY",
        )

    @extend_schema(
        operation_id="transactions_find",
        summary="按请求流水号查询交易",
        parameters=[TransactionQuery],
        responses=TransactionStateSerializer,
        tags=["transactions"],
    )
    def get(self, request: Request) -> Response:
        """Tell the truth about a request; 404 with ``data.effect = "none"`` if nothing happened."""
        del request
        key = self.query(TransactionQuery)["request_no"]
        row = _transactions_of(self.client.id).filter(idempotency_key=key).first()
        if row is None:
            raise DomainError("access.not_found", data={"effect": "none"})
        return self.answer(transaction_state_document(row, client_id=self.client.id))


class TransactionView(ApiView):
    """One transaction this client reported."""

    operations = {"GET": "transactions.create"}

    @extend_schema(
        operation_id="transactions_read",
        summary="交易详情",
        responses=TransactionStateSerializer,
        tags=["transactions"],
    )
    def get(self, request: Request, transaction_id: str) -> Response:
        """Show it as it stands now, with the return vouchers it was given."""
        del request
        found = id_from_path(TRANSACTION, transaction_id)
        row = _transactions_of(self.client.id).filter(pk=found).first()
        if row is None:
            raise DomainError("access.not_found")
        return self.answer(transaction_state_document(row, client_id=self.client.id))


def _transactions_of(client_id: UUID) -> QuerySet[Transaction]:
    return Transaction.objects.filter(client_id=client_id).select_related("original")
