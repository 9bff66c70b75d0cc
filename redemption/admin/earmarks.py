"""What used vouchers left of their faces, read-only: kept until their end, or gone back."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from core.admin.base import ScopedModelAdmin
from core.admin.columns import page_link, yuan_grouped
from core.admin.filters import RegionFilter, ScopedRelatedFilter
from core.ids import to_public
from redemption.answers import REDEMPTION
from redemption.models import Earmark


@admin.register(Earmark)
class EarmarkAdmin(ScopedModelAdmin):
    """One row per voucher that was used in part; seen by the region that owns the campaign."""

    region_field = "batch__owner_region"
    list_display = ("redemption_of", "batch", "amount", "valid_until", "ended_at", "entry_of")
    list_display_links = ("amount",)
    list_select_related = ("batch",)
    list_filter = (
        RegionFilter,
        ("batch__campaign", ScopedRelatedFilter),
        ("valid_until", RangeDateTimeFilter),
        ("ended_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("redemption__id__exact",)
    search_help_text = _("按核销单编号查找")
    ordering = ("-pk",)
    paginator = InfinitePaginator
    fields = ("redemption_of", "batch", "amount", "valid_until", "ended_at", "entry_of")
    readonly_fields = ("redemption_of", "amount", "entry_of")

    @display(description=_("核销单"))
    def redemption_of(self, obj: Earmark) -> SafeString | str:
        """Link to the payment."""
        number = to_public(REDEMPTION, obj.redemption_id)
        return page_link("redemption_redemption_change", number, obj.redemption_id)

    @display(description=_("保留金额（元）"))
    def amount(self, obj: Earmark) -> str:
        """Show the money of all funders together."""
        return yuan_grouped(sum(obj.parts))

    @display(description=_("结束的记账凭证"))
    def entry_of(self, obj: Earmark) -> SafeString | str:
        """Link to the entry by which it ended."""
        if obj.entry_id is None:
            return "-"
        return page_link("core_entry_change", _("查看"), obj.entry_id)
