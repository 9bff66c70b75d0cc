"""Campaigns: what is in force, what is drafted, the books, and the steps of its life."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin, messages
from django.db.models import Sum
from django.db.models.query import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import action, display

from campaigns.admin.columns import (
    books_table,
    open_matters,
    public_links,
    rules_lines,
)
from campaigns.admin.editor import editor_page
from campaigns.admin.steps import CampaignSteps
from campaigns.admin.uploads import definition_page
from campaigns.definition.writing import definition_write
from campaigns.models import Campaign
from campaigns.services.descriptions import fields_words, version_words
from core.admin.base import ScopedModelAdmin
from core.admin.columns import json_column, lines_block, page_link, yuan_column
from core.admin.filters import RegionFilter
from core.admin.regions import region_column, region_title
from core.approvals.models import Approval, ApprovalState

STATE_LABELS = {
    "DRAFT": "info",
    "SUBMITTED": "warning",
    "APPROVED": "info",
    "LIVE": "success",
    "PAUSED": "danger",
    "ENDED": "warning",
    "CLEARING": "warning",
    "AUDITED": "info",
    "CLOSED": "info",
}


@admin.register(Campaign)
class CampaignAdmin(CampaignSteps, ScopedModelAdmin):
    """活动: drafted from a definition, approved, live, closed; every step is a button."""

    covers_field = "regions"
    organisation_field = "fundings__funder__organisation_id"
    scope_many = True
    list_display = (
        "title",
        "code",
        "owner",
        "starts_at",
        "ends_at",
        "quota",
        "state_label",
        "redemptions_on",
    )
    list_display_links = ("title",)
    list_filter = (
        RegionFilter,
        ("state", ChoicesDropdownFilter),
        ("starts_at", RangeDateFilter),
    )
    search_fields = ("title", "code")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("title", "code"),
                    ("state", "redemptions_on"),
                    ("owner", "covered"),
                    ("starts_at", "ends_at"),
                    ("organisation", "settlement_path"),
                    ("version_link", "quota"),
                    "pages",
                    "matters",
                    "pending",
                )
            },
        ),
        (_("账面（元）"), {"fields": ("books",)}),
        (_("活动规则"), {"fields": ("rules",)}),
        (_("待提交的修改"), {"fields": ("changes",), "classes": ("collapse",)}),
        (_("方案草稿"), {"fields": ("draft_text",), "classes": ("collapse",)}),
    )
    actions_list = ("create", "upload")

    owner = region_column("owner_region", _("归属地区"))
    quota = yuan_column("quota_total", _("预算额度（元）"))
    draft_text = json_column("draft", _("方案草稿"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Add the total of the budget quotas."""
        rows: Any = super().get_queryset(request)
        counted: QuerySet[Any] = rows.select_related("version", "organisation").annotate(
            quota_total=Sum("fundings__quota_fen")
        )
        return counted

    @display(description=_("状态"), ordering="state", label=STATE_LABELS)
    def state_label(self, obj: Campaign) -> tuple[str, str]:
        """Show the state in its colour."""
        return obj.state, obj.get_state_display()

    @display(description=_("适用地区"))
    def covered(self, obj: Campaign) -> str:
        """Show the regions by name."""
        return "、".join(map(region_title, obj.regions))

    @display(description=_("生效版本"))
    def version_link(self, obj: Campaign) -> SafeString | str:
        """Link to the version in force."""
        if obj.version is None:
            return "-"
        return page_link("campaigns_version_change", obj.version, obj.version_id)

    @display(description=_("公开页面"))
    def pages(self, obj: Campaign) -> SafeString | str:
        """Link to what citizens and cashiers read."""
        return public_links(obj)

    @display(description=_("未了事项"))
    def matters(self, obj: Campaign) -> SafeString | str:
        """Show what keeps the campaign from its next step."""
        return lines_block(open_matters(obj))

    @display(description=_("待复核"))
    def pending(self, obj: Campaign) -> SafeString | str:
        """Link to the approval that waits."""
        waiting = Approval.objects.filter(
            subject_type="campaigns.campaign",
            subject_id=str(obj.pk),
            state=ApprovalState.PENDING,
        ).first()
        if waiting is None:
            return "-"
        return page_link("core_approval_change", waiting.title, waiting.pk)

    @display(description=_("各出资方"))
    def books(self, obj: Campaign) -> SafeString | str:
        """Show the ledger per funder."""
        return books_table(obj)

    @display(description=_("规则"))
    def rules(self, obj: Campaign) -> SafeString | str:
        """Show the rules in words."""
        return lines_block(rules_lines(obj))

    @display(description=_("与生效版本的差异"))
    def changes(self, obj: Campaign) -> SafeString | str:
        """Show what the draft changes."""
        if obj.version is None:
            return "-"
        return lines_block(
            [
                *version_words(str(obj.pk), {}),
                *fields_words(obj.version.document, obj.draft),
            ]
        )

    def has_upload_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Importing needs the permission."""
        return request.user.has_perm("campaigns.import_campaign")

    def has_create_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Drafting needs the permission."""
        return request.user.has_perm("campaigns.add_campaign")

    @action(description=_("起草活动"), icon="edit_note", permissions=["create"])
    def create(self, request: HttpRequest) -> HttpResponse:
        """Draft a campaign with forms."""
        return editor_page(self, request, None)

    @action(description=_("编辑草稿"), icon="edit", permissions=["edit"])
    def edit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Change the draft with forms."""
        campaign = self.object_or_404(request, object_id, verb="change")
        if request.method == "GET" and self.is_waiting(request, campaign):
            messages.warning(request, gettext("方案正在复核，撤回后可修改"))
            return HttpResponseRedirect(str(self.change_url(campaign)))
        return editor_page(self, request, campaign)

    @action(description=_("导入方案文件"), icon="upload_file", permissions=["upload"])
    def upload(self, request: HttpRequest) -> HttpResponse:
        """Upload a definition."""
        return definition_page(self, request)

    @action(description=_("导出方案"), icon="download", permissions=["view"])
    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send the draft as YAML; loading it again changes nothing."""
        campaign = self.get_object(request, object_id)
        if campaign is None:
            return HttpResponse(status=404)
        response = HttpResponse(
            definition_write(campaign.draft, "yaml"), content_type="application/yaml; charset=utf-8"
        )
        response["Content-Disposition"] = f'attachment; filename="{campaign.code}.yaml"'
        return response
