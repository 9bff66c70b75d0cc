"""Approved versions, funders and what they give; read-only."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import display

from campaigns.admin.columns import rules_said
from campaigns.models import Funder, Funding, Version
from campaigns.services.descriptions import documents_words, fields_words, version_before
from campaigns.services.readiness import version_is_as_approved
from core.admin.base import ScopedModelAdmin
from core.admin.columns import json_column, lines_block, page_link, yuan_column
from core.admin.details import detail_lines, in_label_order, lines_shown
from core.admin.filters import RegionFilter, ScopedRelatedFilter

DOCUMENT_LABELS = {"number": _("文号"), "year": _("年度"), "project_code": _("项目编码")}


@admin.register(Version)
class VersionAdmin(ScopedModelAdmin):
    """方案版本: exactly what was approved, by whom."""

    region_field = "campaign__owner_region"
    covers_field = "campaign__regions"
    list_display = ("campaign", "number", "frozen_at", "approval_link", "config_hash")
    list_filter = (
        RegionFilter,
        ("campaign", ScopedRelatedFilter),
        ("frozen_at", RangeDateFilter),
    )
    list_select_related = ("campaign", "approval")
    search_fields = ("campaign__title", "campaign__code", "config_hash__startswith")
    fields = (
        ("campaign", "number"),
        ("frozen_at", "approval_link"),
        ("config_hash", "as_approved"),
        "rules",
        "changes",
        "changed_fields",
        "document_text",
    )
    document_text = json_column("document", _("方案文件"))

    @display(description=_("审批"))
    def approval_link(self, obj: Version) -> SafeString | str:
        """Link to the approval."""
        return page_link("core_approval_change", obj.approval, obj.approval_id)

    @display(description=_("与批准内容一致"), boolean=True)
    def as_approved(self, obj: Version) -> bool:
        """Compute the hash again."""
        return version_is_as_approved(obj)

    @display(description=_("规则"))
    def rules(self, obj: Version) -> SafeString | str:
        """Show the rules in words."""
        return lines_block(rules_said(obj.document))

    @display(description=_("与上一版相比"))
    def changes(self, obj: Version) -> SafeString | str:
        """Show what the version changed, sentence by sentence; of the first one everything."""
        return lines_block(documents_words(version_before(obj), obj.document))

    @display(description=_("逐项改动"))
    def changed_fields(self, obj: Version) -> SafeString | str:
        """List every field that the version changed, old and new value."""
        before = version_before(obj)
        return lines_block([] if before is None else fields_words(before, obj.document))


class FundingInline(TabularInline):
    """The campaigns a funder gives to."""

    model = Funding
    fields = ("campaign", "mode", "quota")
    readonly_fields = fields
    extra = 0
    can_delete = False
    quota = yuan_column("quota_fen", _("预算额度（元）"))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Seen with the funder."""
        return request.user.has_perm("campaigns.view_funding")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Fundings come from approved versions."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Fundings come from approved versions."""
        return False


@admin.register(Funder)
class FunderAdmin(ScopedModelAdmin):
    """出资方: of the campaigns in the own region."""

    region_field = "fundings__campaign__owner_region"
    covers_field = "fundings__campaign__regions"
    organisation_field = "organisation_id"
    scope_many = True
    list_display = ("name", "code", "level", "organisation")
    list_filter = (("level", ChoicesDropdownFilter),)
    list_select_related = ("organisation",)
    search_fields = ("name", "code")
    fields = ("name", "code", "level", "organisation")

    def row_is_owned(
        self, request: HttpRequest, obj: Any, *, verb: str = "", action: str = ""
    ) -> bool:
        """Nobody changes a funder here: it comes from approved versions."""
        return False


@admin.register(Funding)
class FundingAdmin(ScopedModelAdmin):
    """活动出资: quota and mode per campaign and funder."""

    region_field = "campaign__owner_region"
    covers_field = "campaign__regions"
    organisation_field = "funder__organisation_id"
    list_display = ("campaign", "funder", "mode", "quota", "number")
    list_filter = (
        RegionFilter,
        ("campaign", ScopedRelatedFilter),
        ("mode", ChoicesDropdownFilter),
    )
    list_select_related = ("campaign", "funder")
    search_fields = ("campaign__title", "funder__name")
    fields = ("campaign", "funder", "mode", "quota", "document_text", "position")
    quota = yuan_column("quota_fen", _("预算额度（元）"))

    @display(description=_("资金文件"))
    def document_text(self, obj: Funding) -> SafeString | str:
        """Show what the funding document is; a year is no amount."""
        plain = {name: str(value) for name, value in obj.document.items()}
        return lines_shown(detail_lines(in_label_order(plain, DOCUMENT_LABELS), DOCUMENT_LABELS))

    @display(description=_("文号"))
    def number(self, obj: Funding) -> str:
        """Show the number of the funding document."""
        return str(obj.document.get("number", "-"))
