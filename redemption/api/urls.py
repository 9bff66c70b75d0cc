"""URLs of the redemption API."""

from django.urls import path

from redemption.api.views.payments import PaymentCodeView, QuoteView, RedemptionListView
from redemption.api.views.redemptions import (
    CancelView,
    ConfirmView,
    RedemptionView,
    RefundView,
    ReleaseView,
)
from redemption.api.views.statements import StatementFileView, StatementListView
from redemption.api.views.transactions import TransactionListView, TransactionView

urlpatterns = [
    path("persons/<str:person_id>/payment-codes", PaymentCodeView.as_view(), name="payment-codes"),
    path("redemptions/quote", QuoteView.as_view(), name="quote"),
    path("redemptions", RedemptionListView.as_view(), name="redemptions"),
    path("redemptions/<str:redemption_id>", RedemptionView.as_view(), name="redemption"),
    path("redemptions/<str:redemption_id>/confirm", ConfirmView.as_view(), name="confirm"),
    path("redemptions/<str:redemption_id>/release", ReleaseView.as_view(), name="release"),
    path("redemptions/<str:redemption_id>/cancel", CancelView.as_view(), name="cancel"),
    path("redemptions/<str:redemption_id>/refunds", RefundView.as_view(), name="refunds"),
    path("transactions", TransactionListView.as_view(), name="transactions"),
    path("transactions/<str:transaction_id>", TransactionView.as_view(), name="transaction"),
    path("statements", StatementListView.as_view(), name="statements"),
    path("statements/<str:statement_id>/file", StatementFileView.as_view(), name="statement-file"),
]
