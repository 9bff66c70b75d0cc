"""Payouts and what the bank answered."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import action

from core import clock
from core.admin.actions import action_done, perform, reason_dialog, staff_of
from core.admin.base import ScopedModelAdmin
from core.admin.buttons import button, list_button
from core.admin.columns import yuan_column
from core.admin.filters import RegionFilter, ScopedRelatedFilter, StoreRegionFilter
from redemption.admin.settlement.choices import payable
from redemption.admin.settlement.columns import parts_column, state_column
from redemption.admin.settlement.forms import ResultForm
from redemption.admin.settlement.pages import bank_file_page
from redemption.settlement.models import BankLine, Payout
from redemption.settlement.services.bank_results import BankResult, bank_results_record


@admin.register(Payout)
class PayoutAdmin(ScopedModelAdmin):
    """结算划付: one per payee of an approved batch."""

    store_region_field = "store_region"
    organisation_field = "batch__acquirer__organisation_id"
    list_display = (
        "reference",
        "batch",
        "payee",
        "amount",
        "state_label",
        "attempts",
        "paid_on",
        "bank_ref",
        "failure",
    )
    list_filter = (
        RegionFilter,
        StoreRegionFilter,
        ("state", ChoicesDropdownFilter),
        ("batch__campaign", ScopedRelatedFilter),
        ("batch__acquirer", ScopedRelatedFilter),
        ("paid_on", RangeDateFilter),
    )
    list_select_related = ("batch", "payee")
    search_fields = ("reference__exact", "bank_ref__exact", "payee__merchant_no__exact")
    search_help_text = _("按划付流水号、银行流水号或收单商户号查找")
    fields = (
        "reference",
        "batch",
        "payee",
        "pay_to",
        "amount",
        "parts_of",
        "state_label",
        "attempts",
        "bank_ref",
        "paid_on",
        "failure",
        "created_at",
        "sent_at",
        "settled_at",
    )
    readonly_fields = ("amount", "parts_of", "state_label")
    actions_list = ("import_results",)
    actions_detail = ("record",)
    has_import_results_permission = list_button(payable)
    has_record_permission = button("redemption.record_payout", "SENT")
    amount = yuan_column("amount_fen", _("划付金额（元）"))
    parts_of = parts_column(_("各方金额（元）"))
    state_label = state_column(_("状态"))

    @action(
        description=_("录入银行结果"),
        icon="account_balance",
        permissions=["record"],
        dialog=reason_dialog(
            _("录入银行结果"), description=_("金额按划付金额登记"), form_class=ResultForm
        ),
    )
    def record(self, request: HttpRequest, form: ResultForm, object_id: str) -> HttpResponse:
        """Record what the bank answered to this payout."""
        payout = self.object_or_404(request, object_id, verb="record")
        data = form.cleaned_data
        result = BankResult(
            reference=payout.reference,
            outcome=data["outcome"],
            amount_fen=payout.amount_fen,
            bank_ref=data["bank_ref"],
            value_date=data["value_date"],
            reason=data["reason"],
        )
        perform(
            request,
            lambda: bank_results_record(results=[result], actor=staff_of(request), now=clock.now()),
            _("已登记"),
        )
        return action_done(request, self.change_url(payout))

    @action(
        description=_("导入银行结果"),
        icon="upload_file",
        url_path="import",
        permissions=["import_results"],
    )
    def import_results(self, request: HttpRequest) -> HttpResponse:
        """Import the bank's file."""
        return bank_file_page(self, request)


@admin.register(BankLine)
class BankLineAdmin(ScopedModelAdmin):
    """银行付款结果: append-only."""

    region_field = "payout__owner_region"
    store_region_field = "payout__store_region"
    organisation_field = "payout__batch__acquirer__organisation_id"
    list_display = (
        "payout",
        "attempt",
        "outcome",
        "amount",
        "bank_ref",
        "value_date",
        "reason",
        "recorded_by",
        "at",
    )
    list_filter = (
        RegionFilter,
        StoreRegionFilter,
        ("outcome", ChoicesDropdownFilter),
        ("value_date", RangeDateFilter),
    )
    list_select_related = ("payout", "recorded_by")
    search_fields = ("bank_ref__exact", "payout__reference__exact")
    fields: Any = (
        "payout",
        "attempt",
        "outcome",
        "amount",
        "bank_ref",
        "value_date",
        "reason",
        "file",
        "row_no",
        "recorded_by",
        "at",
    )
    readonly_fields = ("amount",)
    amount = yuan_column("amount_fen", _("金额（元）"))
