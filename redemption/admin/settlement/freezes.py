"""Facts frozen by cases, and what merchants paid back."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.db.models import ForeignKey, Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import display

from core import clock
from core.admin.actions import staff_of
from core.admin.base import ScopedModelAdmin
from core.admin.columns import page_link, yuan_column
from core.admin.filters import RegionFilter, ScopedRelatedFilter, StoreRegionFilter
from core.ids import to_public
from redemption.admin.settlement.choices import repayable
from redemption.admin.settlement.columns import parts_column, state_column
from redemption.admin.settlement.forms import RepaymentForm
from redemption.answers import REDEMPTION
from redemption.settlement.models import FrozenFact, MerchantRepayment
from redemption.settlement.services.repayments import repayment_record


@admin.register(FrozenFact)
class FrozenFactAdmin(ScopedModelAdmin):
    """冻结明细: changed only by the decision of their case."""

    store_region_field = "store_region"
    organisation_field = "payee__acquirer__organisation_id"
    list_display = (
        "redemption_of",
        "case",
        "payee",
        "mode",
        "amount",
        "closed",
        "state_label",
        "frozen_at",
    )
    list_display_links = ("mode",)
    list_filter = (
        RegionFilter,
        StoreRegionFilter,
        ("state", ChoicesDropdownFilter),
        ("mode", ChoicesDropdownFilter),
        ("campaign", ScopedRelatedFilter),
        ("frozen_at", RangeDateFilter),
    )
    list_select_related = ("case", "payee")
    search_fields = ("redemption__id__exact", "payee__merchant_no__exact")
    fields = (
        "redemption_of",
        "case",
        "campaign",
        "payee",
        "mode",
        "amount",
        "parts_of",
        "state_label",
        "closed",
        "entry",
        "close_entry",
        "frozen_at",
        "closed_at",
    )
    readonly_fields = ("redemption_of", "amount", "parts_of", "state_label", "closed")
    amount = yuan_column("amount_fen", _("冻结金额（元）"))
    closed = yuan_column("closed_fen", _("解冻/追回（元）"))
    parts_of = parts_column(_("各方金额（元）"))
    state_label = state_column(_("状态"))

    @display(description=_("核销单"))
    def redemption_of(self, obj: FrozenFact) -> SafeString | str:
        """Link to the redemption."""
        number = to_public(REDEMPTION, obj.redemption_id)
        return page_link("redemption_redemption_change", number, obj.redemption_id)


@admin.register(MerchantRepayment)
class MerchantRepaymentAdmin(ScopedModelAdmin):
    """商户还款: recorded with the bank's document."""

    organisation_field = "payee__acquirer__organisation_id"
    form = RepaymentForm
    list_display = (
        "document_no",
        "campaign",
        "payee",
        "funder",
        "amount",
        "value_date",
        "recorded_by",
        "at",
    )
    list_filter = (
        RegionFilter,
        ("campaign", ScopedRelatedFilter),
        ("value_date", RangeDateFilter),
    )
    list_select_related = ("campaign", "payee", "funder", "recorded_by")
    search_fields = ("document_no__exact", "payee__merchant_no__exact")
    autocomplete_fields = ("payee",)
    amount = yuan_column("amount_fen", _("还款金额（元）"))
    readonly_fields = ("amount",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Ask for the amount in yuan; show it in yuan."""
        shown = ("entry", "recorded_by", "at")
        common = ("campaign", "payee", "funder", "document_no", "value_date")
        return (*common, "amount", *shown) if obj else (*common, "amount_yuan")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Recording needs a campaign of the own region."""
        return super().has_add_permission(request) and repayable(request.user).exists()

    def get_field_queryset(
        self, db: str | None, db_field: ForeignKey[Any, Any], request: HttpRequest
    ) -> QuerySet[Any] | None:
        """Offer the campaigns whose repayments are the own region's to record."""
        if db_field.name == "campaign":
            return repayable(request.user)
        return super().get_field_queryset(db, db_field, request)

    def service_create(self, request: HttpRequest, data: dict[str, Any]) -> Model:
        """Book the repayment."""
        return repayment_record(
            campaign_id=data["campaign"].pk,
            payee_id=data["payee"].pk,
            funder_id=data["funder"].pk,
            amount_fen=data["amount_yuan"],
            document_no=data["document_no"],
            value_date=data["value_date"],
            actor=staff_of(request),
            now=clock.now(),
        )
