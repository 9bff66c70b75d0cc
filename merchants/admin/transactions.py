"""Purchases that acquirers and channels report, read-only."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.paginator import InfinitePaginator

from core.admin.base import ScopedModelAdmin
from core.admin.columns import yuan_column
from core.admin.filters import RegionFilter, ScopedRelatedFilter
from merchants.models import Transaction


@admin.register(Transaction)
class TransactionAdmin(ScopedModelAdmin):
    """商户交易: what was bought where, and what was given back; never by whom."""

    store_region_field = "store_region"
    organisation_field = "acquirer__organisation_id"
    list_display = ("transaction_no", "kind", "store", "order", "refunded", "traded_at")
    list_select_related = ("store",)
    list_filter = (
        RegionFilter,
        ("acquirer", ScopedRelatedFilter),
        ("kind", ChoicesDropdownFilter),
        ("traded_at", RangeDateTimeFilter),
    )
    search_fields = ("transaction_no",)
    search_help_text = _("按交易号查找")
    ordering = ("-at", "pk")
    paginator = InfinitePaginator
    fields = (
        ("transaction_no", "kind"),
        "original",
        ("acquirer", "client"),
        ("merchant", "store", "terminal"),
        ("order", "refunded"),
        ("flow", "card_bin"),
        ("traded_at", "at"),
    )
    readonly_fields = ("order", "refunded")
    order = yuan_column("order_fen", _("订单金额（元）"))
    refunded = yuan_column("refunded_fen", _("已退金额（元）"))
