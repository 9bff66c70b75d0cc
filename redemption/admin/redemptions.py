"""Redemptions, read-only: amounts, place, vouchers and steps."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from core.admin.base import ScopedModelAdmin
from core.admin.columns import page_link, yuan_column
from core.admin.filters import (
    AutocompleteFilter,
    RegionFilter,
    ScopedRelatedFilter,
    StoreRegionFilter,
)
from core.admin.regions import region_column
from core.ids import to_public
from redemption.answers import REDEMPTION
from redemption.models import Redemption, RedemptionLine, RedemptionStep


class ReadOnlyInline(TabularInline):
    """Rows that are seen with their redemption and never changed."""

    extra = 0
    can_delete = False
    show_change_link = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees the redemption sees them."""
        return bool(request.user.has_perm("redemption.view_redemption"))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only services write facts."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Facts are never changed."""
        return False


class LineInline(ReadOnlyInline):
    """The vouchers of a redemption."""

    model = RedemptionLine
    hide_title = True
    fields = ("voucher_of", "batch", "used", "live")
    readonly_fields = fields
    used = yuan_column("used_fen", _("抵用金额（元）"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Read voucher and batch with the lines."""
        rows: QuerySet[Any] = super().get_queryset(request).select_related("voucher", "batch")
        return rows

    @display(description=_("消费券"))
    def voucher_of(self, obj: RedemptionLine) -> SafeString | str:
        """Link to the voucher."""
        return page_link("vouchers_voucher_change", obj.voucher.code, obj.voucher_id)


class StepInline(ReadOnlyInline):
    """What happened to a redemption, in order."""

    model = RedemptionStep
    hide_title = True
    fields = (
        "seq",
        "kind",
        "at",
        "order_amount",
        "payer_amount",
        "subsidy_amount",
        "voucher_fate",
        "reference",
        "entry_of",
    )
    readonly_fields = fields
    ordering = ("seq",)
    per_page = 60
    order_amount = yuan_column("order_fen", _("订单（元）"))
    payer_amount = yuan_column("payer_fen", _("顾客（元）"))
    subsidy_amount = yuan_column("subsidy_fen", _("补贴（元）"))

    @display(description=_("记账凭证"))
    def entry_of(self, obj: RedemptionStep) -> SafeString | str:
        """Link to the entry; a refund slice without a fen of subsidy has none."""
        return page_link("core_entry_change", _("查看"), obj.entry_id) if obj.entry_id else "-"


@admin.register(Redemption)
class RedemptionAdmin(ScopedModelAdmin):
    """Redemptions, the newest first; found by number, order, trade or voucher."""

    store_region_field = "store_region"
    organisation_field = "acquirer__organisation_id"
    person_fields = ("enrolment",)
    list_display = (
        "number",
        "state",
        "held_at",
        "store",
        "order_amount",
        "subsidy_amount",
        "refunded_amount",
        "order_no",
        "region",
    )
    list_display_links = ("number",)
    list_select_related = ("store",)
    list_filter = (
        RegionFilter,
        StoreRegionFilter,
        ("campaign", ScopedRelatedFilter),
        ("acquirer", ScopedRelatedFilter),
        ("store", AutocompleteFilter),
        ("state", ChoicesDropdownFilter),
        ("flow", ChoicesDropdownFilter),
        ("held_at", RangeDateFilter),
        ("business_date", RangeDateFilter),
    )
    search_fields = ("id__exact", "order_no__exact", "channel_trade_no__exact")
    search_help_text = _("按核销单号、商户订单号、渠道交易号或券码查找")
    date_hierarchy = None
    paginator = InfinitePaginator
    inlines = (LineInline, StepInline)
    readonly_fields = (
        "number",
        "trace",
        "order_amount",
        "other_discount_amount",
        "bank_discount_amount",
        "subsidy_amount",
        "payable_amount",
        "refunded_amount",
        "refunded_payer_amount",
        "refunded_subsidy_amount",
        "store_place",
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "number",
                    "trace",
                    "state",
                    "campaign",
                    "order_no",
                    "channel_trade_no",
                    "flow",
                )
            },
        ),
        (
            _("金额"),
            {
                "fields": (
                    "order_amount",
                    "other_discount_amount",
                    "bank_discount_amount",
                    "subsidy_amount",
                    "payable_amount",
                    "refunded_amount",
                    "refunded_payer_amount",
                    "refunded_subsidy_amount",
                    "refund_count",
                )
            },
        ),
        (
            _("地点与收款"),
            {
                "fields": (
                    "store",
                    "store_place",
                    "terminal",
                    "merchant",
                    "acquirer",
                    "payee",
                    "whitelist",
                )
            },
        ),
        (
            _("时间"),
            {"fields": ("held_at", "hold_expires_at", "confirmed_at", "business_date")},
        ),
        (_("渠道"), {"fields": ("client", "voucher_client", "enrolment", "card_bin")}),
    )

    region = region_column("owner_region", _("归属地区"))
    store_place = region_column("store_region", _("门店地区"))
    order_amount = yuan_column("order_fen", _("订单金额（元）"))
    other_discount_amount = yuan_column("other_discount_fen", _("其他优惠（元）"))
    bank_discount_amount = yuan_column("bank_discount_fen", _("其中银行优惠（元）"))
    subsidy_amount = yuan_column("subsidy_fen", _("补贴金额（元）"))
    payable_amount = yuan_column("payable_fen", _("顾客应付（元）"))
    refunded_amount = yuan_column("refunded_order_fen", _("已退订单金额（元）"))
    refunded_payer_amount = yuan_column("refunded_payer_fen", _("已退顾客（元）"))
    refunded_subsidy_amount = yuan_column("refunded_subsidy_fen", _("已退补贴（元）"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find the payments of a voucher by its code, too: looked up, a join would read all."""
        found, repeats = super().get_search_results(request, queryset, search_term)
        code = search_term.strip()
        lines = RedemptionLine.objects.filter(voucher__code=code) if code else ()
        ids = [line.redemption_id for line in lines]
        return (found | queryset.filter(pk__in=ids) if ids else found), repeats

    @display(description=_("核销单号"), ordering="pk")
    def number(self, obj: Redemption) -> str:
        """Show the number the channels know."""
        return to_public(REDEMPTION, obj.pk)

    @display(description=_("一笔穿透"))
    def trace(self, obj: Redemption) -> SafeString:
        """Link to the page that follows this payment from the claim to the bank line."""
        address = reverse("trace", args=[to_public(REDEMPTION, obj.pk)])
        return format_html('<a class="xfq-link" href="{}">{}</a>', address, _("查看全程"))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave the person out where the row is seen by its store's region only."""
        sets = super().get_fieldsets(request, obj)
        if obj is None or self.row_is_owned(request, obj):
            return sets
        return [
            (title, {**options, "fields": [n for n in options["fields"] if n != "enrolment"]})
            for title, options in sets
        ]
