"""All opinions of checkers in one list, read-only; each is also on its approval's page."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from core.admin.base import ScopedModelAdmin
from core.admin.columns import page_link
from core.admin.filters import AutocompleteFilter, RegionFilter
from core.approvals.models import ApprovalDecision


@admin.register(ApprovalDecision)
class ApprovalDecisionAdmin(ScopedModelAdmin):
    """Who agreed or rejected what, when, with which words."""

    region_field = "approval__owner_region"
    list_display = ("matter", "step", "checker", "agreed", "comment", "at")
    list_display_links = ("matter",)
    list_filter = (
        RegionFilter,
        "agreed",
        ("checker", AutocompleteFilter),
        ("at", RangeDateFilter),
    )
    list_select_related = ("approval", "checker")
    search_fields = ("approval__title", "comment")
    search_help_text = _("按审批标题或意见查找")
    fields = ("approval_link", "step", "checker", "agreed", "comment", "at")
    readonly_fields = ("approval_link",)

    @display(description=_("审批"), ordering="approval")
    def matter(self, obj: ApprovalDecision) -> str:
        """Show the approval's title."""
        return obj.approval.title

    @display(description=_("审批"))
    def approval_link(self, obj: ApprovalDecision) -> SafeString | str:
        """Link to the approval."""
        return page_link("core_approval_change", obj.approval, obj.approval_id)
