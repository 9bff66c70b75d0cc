"""Waves and their slices; they open and close by themselves, nothing is changed here."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import display

from core.admin.base import ScopedModelAdmin
from core.admin.filters import RegionFilter, ScopedRelatedFilter
from core.models import Client
from core.passages import joined
from vouchers.models import QuotaRelease, QuotaSlice

STATE_LABELS = {"PLANNED": "info", "OPEN": "success", "CLOSED": "warning", "CANCELLED": "danger"}


class SliceInline(TabularInline):
    """The units of a wave per channel."""

    model = QuotaSlice
    hide_title = True
    fields = ("channel", "planned", "issued", "left")
    readonly_fields = fields
    extra = 0
    can_delete = False

    @display(description=_("未领张数"))
    def left(self, obj: QuotaSlice) -> int:
        """Show what nobody has claimed."""
        return obj.planned - obj.issued

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Seen with the wave."""
        return request.user.has_perm("vouchers.view_quotaslice")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Slices come from the wave's opening."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Counters follow claims."""
        return False


@admin.register(QuotaRelease)
class QuotaReleaseAdmin(ScopedModelAdmin):
    """额度投放: planned by the approved version, opened exactly once at its slot."""

    covers_field = "batch__campaign__regions"
    list_display = (
        "slot",
        "batch",
        "campaign_of",
        "planned_units",
        "rolled_units",
        "opened_units",
        "closed_units",
        "claimed_units",
        "state_label",
        "opened_at",
        "closed_at",
        "fell_back_at",
    )
    list_filter = (
        RegionFilter,
        ("batch__campaign", ScopedRelatedFilter),
        ("batch", ScopedRelatedFilter),
        ("state", ChoicesDropdownFilter),
        ("slot", RangeDateFilter),
    )
    list_select_related = ("batch__campaign",)
    search_fields = ("batch__name", "batch__code")
    fields = (
        ("batch", "state"),
        ("slot", "closes_at"),
        ("planned_units", "rolled_units", "opened_units", "closed_units"),
        ("claimed_units", "proved_at"),
        ("opened_at", "closed_at"),
        "channel_plan",
        ("fall_back_at", "fell_back_at", "fallen_units"),
    )
    readonly_fields = ("channel_plan",)
    inlines = (SliceInline,)

    @display(description=_("状态"), ordering="state", label=STATE_LABELS)
    def state_label(self, obj: QuotaRelease) -> tuple[str, str]:
        """Show the state in its colour."""
        return obj.state, obj.get_state_display()

    @display(description=_("渠道额度计划"))
    def channel_plan(self, obj: QuotaRelease) -> str:
        """Show what the approved version keeps for whom, and when the unused is everybody's."""
        names = Client.objects.in_bulk(obj.channel_ids) if obj.channel_ids else {}
        parts = zip(obj.channel_ids, obj.channel_units, strict=True)
        return joined(f"{names[pk]} {units}" for pk, units in parts) or "-"

    @display(description=_("活动"), ordering="batch__campaign__title")
    def campaign_of(self, obj: QuotaRelease) -> str:
        """Show the campaign."""
        return str(obj.batch.campaign)


@admin.register(QuotaSlice)
class QuotaSliceAdmin(ScopedModelAdmin):
    """渠道额度: how much of a wave is taken."""

    region_field = "release__owner_region"
    covers_field = "release__batch__campaign__regions"
    list_display = ("release", "channel", "planned", "issued")
    list_filter = (RegionFilter, ("release__batch", ScopedRelatedFilter))
    list_select_related = ("release__batch", "channel")
    search_fields = ("release__batch__name",)
    fields = ("release", "channel", "planned", "issued")
