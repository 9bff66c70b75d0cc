"""Payment codes, read-only: when they were made and used; the code itself is nowhere stored."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from core.admin.base import ScopedModelAdmin
from core.admin.columns import page_link
from core.admin.filters import RegionFilter, ScopedRelatedFilter
from core.ids import to_public
from redemption.answers import REDEMPTION
from redemption.models import PaymentCode
from vouchers.models import IdentityKey


@admin.register(PaymentCode)
class PaymentCodeAdmin(ScopedModelAdmin):
    """Codes with their person and device; seen by the region that owns the account."""

    region_field = "enrolment__owner_region"
    person_fields = ("enrolment",)
    list_display = ("created_at", "enrolment", "client", "expires_at", "used_at", "redemption_of")
    list_select_related = ("enrolment", "client")
    list_filter = (
        RegionFilter,
        ("client", ScopedRelatedFilter),
        ("created_at", RangeDateTimeFilter),
    )
    search_fields = ("id__exact", "redemption_id__exact", "enrolment__id__exact")
    search_help_text = _("按付款码、核销单或渠道用户编号查找")
    paginator = InfinitePaginator
    fields = (
        "enrolment",
        "client",
        "voucher",
        "device_of",
        "created_at",
        "expires_at",
        "used_at",
        "redemption_of",
    )
    readonly_fields = ("device_of", "redemption_of")

    @display(description=_("设备标识"))
    def device_of(self, obj: PaymentCode) -> str:
        """Show the device by its tail."""
        if obj.device_key_id is None:
            return "-"
        return str(IdentityKey.objects.filter(pk=obj.device_key_id).first() or "-")

    @display(description=_("核销单"))
    def redemption_of(self, obj: PaymentCode) -> SafeString | str:
        """Link to the redemption that used it."""
        if obj.redemption_id is None:
            return "-"
        number = to_public(REDEMPTION, obj.redemption_id)
        return page_link("redemption_redemption_change", number, obj.redemption_id)
