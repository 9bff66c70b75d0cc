"""Risk cases (风险核查单) and hits: evidence as a person reads it, decisions as actions."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import action, display

from core import clock
from core.admin.actions import (
    ReasonForm,
    action_done,
    error_text,
    reason_dialog,
    staff_of,
)
from core.admin.base import ScopedModelAdmin
from core.admin.buttons import button
from core.admin.campaign_scope import CampaignFilter
from core.admin.columns import page_link, text_column, yuan_column
from core.admin.evidence import FAMILIES, SUBJECTS, hit_lines, hits_view
from core.admin.filters import AutocompleteFilter, RegionFilter, StoreRegionFilter
from core.admin.values import RuleFilter
from core.approvals.models import Approval, ApprovalState
from core.directory import CAMPAIGN, directory_name
from core.errors import DomainError
from core.screening.models import Case, CaseState, Hit
from core.screening.rules import rule_title
from core.screening.services.cases import KIND, case_decide, case_review_start

CASE_LABELS = {"OPEN": "danger", "IN_REVIEW": "warning", "RELEASED": "success", "UPHELD": "info"}


@admin.register(Case)
class CaseAdmin(ScopedModelAdmin):
    """Cases of the own region; the decision is an action with a reason."""

    store_region_field = "store_region"
    person_fields = ()
    list_display = (
        "subject",
        "status",
        "campaign_of",
        "frozen",
        "hit_total",
        "owner",
        "opened_at",
        "due_on",
    )
    list_display_links = ("subject",)
    list_filter = (
        RegionFilter,
        StoreRegionFilter,
        CampaignFilter,
        ("state", ChoicesDropdownFilter),
        ("owner", AutocompleteFilter),
        ("due_on", RangeDateFilter),
    )
    list_select_related = ("owner",)
    search_fields = ("subject_label", "subject_id__exact")
    search_help_text = _("按对象名称或编号查找")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("subject", "status"),
                    ("campaign_of", "frozen"),
                    ("owner", "due_on"),
                    ("opened_at", "decided_at"),
                    "decision_reason",
                    "pending",
                )
            },
        ),
        (_("证据"), {"fields": ("evidence", "evidence_hash")}),
        (_("申诉"), {"fields": ("appeal",), "classes": ("collapse",)}),
    )
    readonly_fields = ("subject", "status", "campaign_of", "frozen", "evidence", "pending")
    actions_detail = ("start_review", "release", "uphold")

    has_start_review_permission = button("core.change_case", CaseState.OPEN)
    has_decide_permission = button("core.decide_case", CaseState.OPEN, CaseState.IN_REVIEW)

    campaign_of = text_column("campaign_name", _("活动"))
    hit_total = text_column("hit_count", _("命中数"))
    frozen = yuan_column("frozen_fen", _("冻结金额（元）"))

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Add the campaign's name and the number of hits."""
        rows: QuerySet[Any] = (
            super()
            .scope(request, queryset)
            .annotate(
                campaign_name=directory_name("campaign_id", CAMPAIGN), hit_count=Count("hits")
            )
        )
        return rows

    @display(description=_("对象"), ordering="subject_label")
    def subject(self, obj: Case) -> str:
        """Show kind and name of the subject."""
        kind = SUBJECTS.get(obj.subject_type, obj.subject_type)
        return f"{kind} · {obj.subject_label or obj.subject_id}"

    @display(description=_("状态"), ordering="state", label=CASE_LABELS)
    def status(self, obj: Case) -> tuple[str, str]:
        """Show the state with its colour."""
        return obj.state, obj.get_state_display()

    @display(description=_("命中与证据"))
    def evidence(self, obj: Case) -> SafeString:
        """Show the hits in time order, with what speaks for and against."""
        context = hits_view(obj.hits.order_by("window_from", "pk"))
        return render_to_string("core/admin/case_evidence.html", context)

    @display(description=_("待复核结论"))
    def pending(self, obj: Case) -> SafeString | str:
        """Link to the decision that waits for the second person."""
        waiting = Approval.objects.filter(
            kind=KIND, subject_type="case", subject_id=obj.pk, state=ApprovalState.PENDING
        ).first()
        if waiting is None:
            return "-"
        return page_link("core_approval_change", waiting.title, waiting.pk)

    @action(description=_("开始核查"), permissions=["start_review"], icon="search")
    def start_review(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take the case."""
        case = self.object_or_404(request, object_id, verb="change")
        try:
            case_review_start(case_id=case.pk, actor=staff_of(request), now=clock.now())
        except DomainError as error:
            messages.error(request, error_text(error))
        else:
            messages.success(request, _("已转入核查，承办人为本人"))
        return action_done(request, self.change_url(case))

    @action(
        description=_("排除嫌疑"),
        permissions=["decide"],
        dialog=reason_dialog(
            _("排除嫌疑"),
            description=_("解除冻结，恢复结算；冻结金额超过 1 万元的须另一人复核后生效"),
        ),
        icon="task_alt",
    )
    def release(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        """Decide that there is nothing to it."""
        return self._decide(request, form, object_id, CaseState.RELEASED)

    @action(
        description=_("认定属实"),
        permissions=["decide"],
        dialog=reason_dialog(
            _("认定属实"),
            description=_("追回冻结金额；冻结金额超过 1 万元的须另一人复核后生效"),
        ),
        icon="gavel",
    )
    def uphold(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        """Decide that the suspicion is right."""
        return self._decide(request, form, object_id, CaseState.UPHELD)

    def _decide(
        self, request: HttpRequest, form: ReasonForm, object_id: str, outcome: CaseState
    ) -> HttpResponse:
        case = self.object_or_404(request, object_id, verb="decide")
        try:
            result = case_decide(
                case_id=case.pk,
                outcome=outcome,
                reason=form.cleaned_data["reason"],
                actor=staff_of(request),
                now=clock.now(),
            )
        except DomainError as error:
            messages.error(request, error_text(error))
        else:
            waits = isinstance(result, Approval)
            done = _("结论已提交，待另一人复核") if waits else _("已办结")
            messages.success(request, done)
        return action_done(request, self.change_url(case))


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
