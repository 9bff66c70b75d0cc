"""Versions of the list of participating stores, and the stores on them."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from campaigns.admin.forms import OptionalReasonForm, campaigns_listable
from campaigns.admin.uploads import whitelist_page
from campaigns.models import Whitelist, WhitelistEntry
from campaigns.services.whitelists import whitelist_submit
from core import clock
from core.admin.actions import action_done, perform, reason_dialog, staff_of
from core.admin.base import ScopedModelAdmin
from core.admin.buttons import button, list_button
from core.admin.columns import page_link, text_column
from core.admin.filters import (
    AutocompleteFilter,
    RegionFilter,
    ScopedRelatedFilter,
    StoreRegionFilter,
)
from core.admin.regions import region_column

STATE_LABELS = {
    "DRAFT": "info",
    "SUBMITTED": "warning",
    "IN_FORCE": "success",
    "SUPERSEDED": "info",
}


@admin.register(Whitelist)
class WhitelistAdmin(ScopedModelAdmin):
    """参与商户名单: built from store numbers, submitted, in force until the next."""

    covers_field = "campaign__regions"
    list_display = (
        "campaign",
        "number",
        "store_total",
        "state_label",
        "created_at",
        "in_force_at",
    )
    list_display_links = ("campaign", "number")
    list_filter = (
        RegionFilter,
        ("campaign", ScopedRelatedFilter),
        ("state", ChoicesDropdownFilter),
    )
    list_select_related = ("campaign",)
    search_fields = ("campaign__title", "campaign__code")
    fields = (
        ("campaign", "number"),
        ("state", "store_total"),
        ("created_at", "in_force_at"),
        ("approval_link", "entries_link"),
    )
    actions_list = ("build",)
    actions_detail = ("submit",)
    has_build_permission = list_button(campaigns_listable)
    has_submit_permission = button("campaigns.submit_whitelist", "DRAFT")
    store_total = text_column("store_count", _("门店数"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Add the number of stores."""
        rows: Any = super().get_queryset(request)
        counted: QuerySet[Any] = rows.select_related("approval", "campaign").annotate(
            store_count=Count("entries")
        )
        return counted

    @display(description=_("状态"), ordering="state", label=STATE_LABELS)
    def state_label(self, obj: Whitelist) -> tuple[str, str]:
        """Show the state in its colour."""
        return obj.state, obj.get_state_display()

    @display(description=_("审批"))
    def approval_link(self, obj: Whitelist) -> SafeString | str:
        """Link to the approval that put it in force."""
        if obj.approval is None:
            return "-"
        return page_link("core_approval_change", obj.approval, obj.approval_id)

    @display(description=_("门店"))
    def entries_link(self, obj: Whitelist) -> SafeString | str:
        """Link to the stores on the list."""
        return page_link(
            "campaigns_whitelistentry_changelist", _("查看门店"), whitelist__id__exact=obj.pk
        )

    @action(description=_("新建名单"), icon="playlist_add", permissions=["build"])
    def build(self, request: HttpRequest) -> HttpResponse:
        """Build a new version from store numbers."""
        return whitelist_page(self, request)

    @action(
        description=_("提交复核"),
        icon="send",
        variant=ActionVariant.PRIMARY,
        permissions=["submit"],
        dialog=reason_dialog(
            _("提交名单"), description=_("提交后名单冻结"), form_class=OptionalReasonForm
        ),
    )
    def submit(
        self, request: HttpRequest, form: OptionalReasonForm, object_id: str
    ) -> HttpResponse:
        """Submit the list."""
        whitelist = self.object_or_404(request, object_id)
        perform(
            request,
            lambda: whitelist_submit(
                whitelist_id=whitelist.pk,
                actor=staff_of(request),
                now=clock.now(),
                reason=form.cleaned_data["reason"],
            ),
            _("已提交，待另一人复核"),
        )
        return action_done(request, self.change_url(whitelist))


@admin.register(WhitelistEntry)
class WhitelistEntryAdmin(ScopedModelAdmin):
    """名单门店: the stores of the versions."""

    region_field = "whitelist__owner_region"
    store_region_field = "store__region_code"
    list_display = ("store_no", "store", "place", "campaign_of", "number", "state_of")
    list_display_links = ("store_no",)
    list_filter = (
        StoreRegionFilter,
        ("whitelist__campaign", ScopedRelatedFilter),
        ("whitelist__state", ChoicesDropdownFilter),
        ("store", AutocompleteFilter),
    )
    list_select_related = ("store", "whitelist__campaign")
    search_fields = ("store__store_no", "store__name", "store__merchant__name")
    fields = ("store_no", "store", "place", "whitelist")
    place = region_column("store__region_code", _("门店地区"))

    @display(description=_("门店编号"), ordering="store__store_no")
    def store_no(self, obj: WhitelistEntry) -> str:
        """Show the store's number."""
        return obj.store.store_no

    @display(description=_("活动"), ordering="whitelist__campaign__title")
    def campaign_of(self, obj: WhitelistEntry) -> str:
        """Show the campaign."""
        return str(obj.whitelist.campaign)

    @display(description=_("名单版本"), ordering="whitelist__number")
    def number(self, obj: WhitelistEntry) -> int:
        """Show the version of the list."""
        return obj.whitelist.number

    @display(description=_("名单状态"), ordering="whitelist__state")
    def state_of(self, obj: WhitelistEntry) -> str:
        """Show the state of the list."""
        return obj.whitelist.get_state_display()
