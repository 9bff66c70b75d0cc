"""Cash that came and went; entered on the campaign's page, booked by its approval."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import display

from campaigns.models import FundsMovement
from core.admin.base import ScopedModelAdmin
from core.admin.columns import page_link, yuan_column
from core.admin.filters import RegionFilter, ScopedRelatedFilter


@admin.register(FundsMovement)
class FundsMovementAdmin(ScopedModelAdmin):
    """资金收支: append-only."""

    organisation_field = "funder__organisation_id"
    list_display = (
        "document_no",
        "kind",
        "campaign",
        "funder",
        "amount",
        "value_date",
        "approval_link",
        "at",
    )
    list_filter = (
        RegionFilter,
        ("campaign", ScopedRelatedFilter),
        ("funder", ScopedRelatedFilter),
        ("kind", ChoicesDropdownFilter),
        ("value_date", RangeDateFilter),
    )
    list_select_related = ("campaign", "funder", "approval")
    search_fields = ("document_no", "campaign__title", "funder__name")
    fields = (
        ("campaign", "funder"),
        ("kind", "amount"),
        ("document_no", "value_date"),
        ("approval_link", "entry_link"),
        "at",
    )
    amount = yuan_column("amount_fen", _("金额（元）"))

    @display(description=_("审批"))
    def approval_link(self, obj: FundsMovement) -> SafeString | str:
        """Link to the approval."""
        return page_link("core_approval_change", obj.approval, obj.approval_id)

    @display(description=_("记账凭证"))
    def entry_link(self, obj: FundsMovement) -> SafeString | str:
        """Link to the entry."""
        return page_link("core_entry_change", _("查看"), obj.entry_id)
