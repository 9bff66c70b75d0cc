"""URLs of the vouchers API."""

from django.urls import path

from vouchers.api.views.batches import BatchListView
from vouchers.api.views.claims import ClaimListView, ClaimView
from vouchers.api.views.persons import PersonView
from vouchers.api.views.stores import StoreListView
from vouchers.api.views.vouchers import VoucherListView, VoucherView

urlpatterns = [
    path("persons/<str:external_id>", PersonView.as_view(), name="person"),
    path("batches", BatchListView.as_view(), name="batches"),
    path("claims", ClaimListView.as_view(), name="claims"),
    path("claims/<str:claim_id>", ClaimView.as_view(), name="claim"),
    path("vouchers", VoucherListView.as_view(), name="vouchers"),
    path("vouchers/<str:voucher_id>", VoucherView.as_view(), name="voucher"),
    path("stores", StoreListView.as_view(), name="stores"),
]
