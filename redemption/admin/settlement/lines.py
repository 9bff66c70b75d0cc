"""Lines of batches and the facts in them, read-only."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from core.admin.base import ScopedModelAdmin
from core.admin.columns import page_link, yuan_column
from core.admin.filters import RegionFilter, ScopedRelatedFilter, StoreRegionFilter
from core.ids import to_public
from core.passages import moment_words
from redemption.admin.settlement.columns import parts_column
from redemption.answers import REDEMPTION
from redemption.settlement.models import SettlementItem, SettlementLine


@admin.register(SettlementLine)
class SettlementLineAdmin(ScopedModelAdmin):
    """结算明细行: what a payee gets or gives back in a batch."""

    store_region_field = "store_region"
    organisation_field = "batch__acquirer__organisation_id"
    list_display = ("batch", "payee", "kind", "amount", "fact_count")
    list_filter = (
        RegionFilter,
        StoreRegionFilter,
        ("kind", ChoicesDropdownFilter),
        ("batch__campaign", ScopedRelatedFilter),
        ("batch__business_date", RangeDateFilter),
    )
    list_select_related = ("batch", "payee")
    search_fields = ("batch__code", "payee__merchant_no__exact")
    fields = ("batch", "payee", "kind", "amount", "parts_of", "fact_count")
    readonly_fields = ("amount", "parts_of")
    ordering = ("-batch__business_date", "batch", "payee", "kind")
    amount = yuan_column("amount_fen", _("金额（元）"))
    parts_of = parts_column(_("各方金额（元）"))


@admin.register(SettlementItem)
class SettlementItemAdmin(ScopedModelAdmin):
    """结算明细: which fact is in which line."""

    region_field = "line__owner_region"
    store_region_field = "line__store_region"
    organisation_field = "line__batch__acquirer__organisation_id"
    list_display = ("redemption_of", "kind", "at", "batch_of", "amount")
    list_display_links = ("kind",)
    list_filter = (
        RegionFilter,
        StoreRegionFilter,
        ("line__batch__campaign", ScopedRelatedFilter),
        ("line__batch__business_date", RangeDateFilter),
    )
    search_fields = ("fact__redemption__id__exact", "line__batch__code__exact")
    search_help_text = _("按核销单编号或结算批次号查找")
    paginator = InfinitePaginator
    ordering = ("-pk",)
    fields = ("redemption_of", "kind", "at", "batch_of", "amount")
    readonly_fields = fields
    amount = yuan_column("amount_fen", _("金额（元）"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Read fact and batch with the item."""
        rows: QuerySet[Any] = super().get_queryset(request).select_related("fact", "line__batch")
        return rows

    @display(description=_("核销单"))
    def redemption_of(self, obj: SettlementItem) -> SafeString | str:
        """Link to the redemption."""
        number = to_public(REDEMPTION, obj.fact.redemption_id)
        return page_link("redemption_redemption_change", number, obj.fact.redemption_id)

    @display(description=_("类型"))
    def kind(self, obj: SettlementItem) -> str:
        """Show the fact's kind."""
        return str(obj.fact.get_kind_display())

    @display(description=_("时间"))
    def at(self, obj: SettlementItem) -> str:
        """Show the fact's time."""
        return moment_words(obj.fact.at)

    @display(description=_("结算批次"))
    def batch_of(self, obj: SettlementItem) -> SafeString | str:
        """Link to the batch."""
        batch = obj.line.batch
        return page_link("redemption_settlementbatch_change", batch.code, batch.pk)
