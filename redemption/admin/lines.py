"""Vouchers used in redemptions, read-only; each is also on its redemption's page."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from core.admin.base import ScopedModelAdmin
from core.admin.columns import page_link, yuan_column, yuan_grouped
from core.admin.filters import RegionFilter, ScopedRelatedFilter, StoreRegionFilter
from core.ids import to_public
from redemption.answers import REDEMPTION
from redemption.models import Earmark, RedemptionLine
from vouchers.models import Voucher


@admin.register(RedemptionLine)
class RedemptionLineAdmin(ScopedModelAdmin):
    """One row per voucher of a payment."""

    region_field = "redemption__owner_region"
    store_region_field = "redemption__store_region"
    organisation_field = "redemption__acquirer__organisation_id"
    list_display = ("redemption_of", "batch", "voucher_of", "used", "live")
    list_display_links = ("used",)
    list_filter = (
        RegionFilter,
        StoreRegionFilter,
        ("redemption__campaign", ScopedRelatedFilter),
        "live",
    )
    list_select_related = ("batch", "voucher")
    search_fields = ("redemption__id__exact", "voucher__id__exact")
    search_help_text = _("按核销单号、券码或消费券编号查找")
    ordering = ("-pk",)
    fields = ("redemption_of", "batch", "voucher_of", "used", "kept", "live")
    readonly_fields = ("redemption_of", "voucher_of", "used", "kept")
    paginator = InfinitePaginator

    used = yuan_column("used_fen", _("抵用金额（元）"))

    @display(description=_("面额未用部分（元）"))
    def kept(self, obj: RedemptionLine) -> str:
        """Show what is kept of the face until the voucher ends, or that it has gone back."""
        earmark = Earmark.objects.filter(pk=obj.pk).first()
        if earmark is None:
            return "-"
        amount = yuan_grouped(sum(earmark.parts))
        if earmark.ended_at is None:
            return gettext("%(amount)s，保留至 %(until)s") % {
                "amount": amount,
                "until": date_format(localtime(earmark.valid_until), "DATETIME_FORMAT"),
            }
        return gettext("%(amount)s，已退回") % {"amount": amount}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find the lines of a voucher by its code, too: looked up, since a join would read all."""
        of_code = Voucher.objects.filter(code=search_term.strip()).values_list("pk", flat=True)
        voucher_id = of_code.first() if search_term else None
        return super().get_search_results(request, queryset, str(voucher_id or search_term))

    @display(description=_("核销单"), ordering="redemption")
    def redemption_of(self, obj: RedemptionLine) -> SafeString | str:
        """Link to the payment."""
        number = to_public(REDEMPTION, obj.redemption_id)
        return page_link("redemption_redemption_change", number, obj.redemption_id)

    @display(description=_("消费券"), ordering="voucher")
    def voucher_of(self, obj: RedemptionLine) -> SafeString | str:
        """Link to the voucher."""
        return page_link("vouchers_voucher_change", obj.voucher, obj.voucher_id)
