"""Hits (风控命中): what each rule noticed, with its evidence."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from core.admin.base import ScopedModelAdmin
from core.admin.campaign_scope import CampaignFilter
from core.admin.columns import page_link, text_column
from core.admin.evidence import FAMILIES, SUBJECTS, hit_lines
from core.admin.filters import RegionFilter
from core.admin.values import RuleFilter
from core.directory import CAMPAIGN, directory_name
from core.screening.models import Hit
from core.screening.rules import rule_title


@admin.register(Hit)
class HitAdmin(ScopedModelAdmin):
    """Findings of rules with their evidence; append-only."""

    region_field = "case__owner_region"
    store_region_field = "case__store_region"
    list_display = ("rule_name", "subject", "campaign_of", "family_name", "freezes", "case", "at")
    list_display_links = ("rule_name",)
    list_filter = (
        RegionFilter,
        CampaignFilter,
        RuleFilter,
        "freezes",
        ("at", RangeDateFilter),
    )
    list_select_related = ("case",)
    search_fields = ("subject_id__exact", "case__subject_label")
    search_help_text = _("按对象名称或编号查找")
    fields = (
        "rule_name",
        "rule_version",
        "family_name",
        "subject",
        "campaign_of",
        "window_from",
        "window_until",
        "freezes",
        "details",
        "facts",
        "case_link",
        "at",
    )
    readonly_fields = (
        "rule_name",
        "family_name",
        "subject",
        "campaign_of",
        "details",
        "facts",
        "case_link",
    )

    campaign_of = text_column("campaign_name", _("活动"))

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Add the campaign's name."""
        rows: QuerySet[Any] = (
            super()
            .scope(request, queryset)
            .annotate(campaign_name=directory_name("campaign_id", CAMPAIGN))
        )
        return rows

    @display(description=_("规则"), ordering="rule")
    def rule_name(self, obj: Hit) -> str:
        """Show id and name of the rule."""
        return rule_title(obj.rule)

    @display(description=_("证据类别"), ordering="family")
    def family_name(self, obj: Hit) -> str:
        """Show the family in Chinese."""
        return str(FAMILIES.get(obj.family, obj.family))

    @display(description=_("对象"), ordering="subject_id")
    def subject(self, obj: Hit) -> str:
        """Show kind and name of the subject."""
        kind = SUBJECTS.get(obj.subject_type, obj.subject_type)
        return f"{kind} · {obj.case.subject_label or obj.subject_id}"

    @display(description=_("证据"))
    def details(self, obj: Hit) -> SafeString:
        """Show the evidence line by line."""
        return render_to_string("core/admin/evidence_lines.html", {"lines": hit_lines(obj)})

    @display(description=_("涉及核销"))
    def facts(self, obj: Hit) -> SafeString | str:
        """Count the redemptions behind the finding."""
        return gettext("%(count)s 笔") % {"count": len(obj.fact_ids)}

    @display(description=_("核查单"))
    def case_link(self, obj: Hit) -> SafeString | str:
        """Link to the case."""
        return page_link("core_case_change", obj.case, obj.case_id)
