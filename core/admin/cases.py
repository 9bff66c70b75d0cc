"""Risk cases (风险核查单): evidence as a person reads it, decisions as actions."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin, messages
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Value
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
    DropdownFilter,
    RangeDateFilter,
)
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
from core.admin.case_links import case_links
from core.admin.columns import page_link, text_column, yuan_column
from core.admin.evidence import SUBJECTS, hits_view
from core.admin.filters import AutocompleteFilter, RegionFilter, StoreRegionFilter
from core.approvals.models import Approval, ApprovalState
from core.directory import CAMPAIGN, directory_name
from core.errors import DomainError
from core.screening.models import Case, CaseState, Hit
from core.screening.rules import rule_order, rule_title, rules
from core.screening.services.cases import KIND, case_decide, case_review_start

CASE_LABELS = {"OPEN": "danger", "IN_REVIEW": "warning", "RELEASED": "success", "UPHELD": "info"}


class CaseRuleFilter(DropdownFilter):
    """Cases that a rule noticed; offers every rule there is."""

    title = _("规则")
    parameter_name = "rule"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the rules, by id."""
        return [(one.id, rule_title(one.id)) for one in rules()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the cases with a hit of the rule; all their rules and hits stay shown."""
        chosen = self.value()
        if not chosen:
            return queryset
        return queryset.filter(Exists(Hit.objects.filter(case=OuterRef("pk"), rule=chosen)))


@admin.register(Case)
class CaseAdmin(ScopedModelAdmin):
    """Cases of the own region; the decision is an action with a reason."""

    store_region_field = "store_region"
    person_fields = ()
    list_display = (
        "subject",
        "rule_names",
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
        CaseRuleFilter,
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
                    "rule_names",
                    ("campaign_of", "frozen"),
                    ("owner", "due_on"),
                    ("opened_at", "decided_at"),
                    "decision_reason",
                    "pending",
                    "follow_up",
                )
            },
        ),
        (_("证据"), {"fields": ("evidence", "evidence_hash")}),
        (_("申诉"), {"fields": ("appeal",), "classes": ("collapse",)}),
    )
    readonly_fields = (
        "subject",
        "rule_names",
        "status",
        "campaign_of",
        "frozen",
        "evidence",
        "pending",
        "follow_up",
    )
    actions_detail = ("start_review", "release", "uphold")

    has_start_review_permission = button("core.change_case", CaseState.OPEN)
    has_decide_permission = button("core.decide_case", CaseState.OPEN, CaseState.IN_REVIEW)

    campaign_of = text_column("campaign_name", _("活动"))
    hit_total = text_column("hit_count", _("命中数"))
    frozen = yuan_column("frozen_fen", _("冻结金额（元）"))

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Add the campaign's name, the rules that noticed it and the number of hits."""
        rows: QuerySet[Any] = (
            super()
            .scope(request, queryset)
            .annotate(
                campaign_name=directory_name("campaign_id", CAMPAIGN),
                hit_count=Count("hits"),
                rule_ids=ArrayAgg(
                    "hits__rule",
                    distinct=True,
                    filter=Q(hits__isnull=False),
                    order_by="hits__rule",
                    default=Value([]),
                ),
            )
        )
        return rows

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Remember who reads the page: what other rooms offer depends on the reader."""
        case: Any = super().get_object(request, object_id, from_field)
        if case is not None:
            case.seen_in = request
        return case

    @display(description=_("对象"), ordering="subject_label")
    def subject(self, obj: Case) -> str:
        """Show kind and name of the subject."""
        kind = SUBJECTS.get(obj.subject_type, obj.subject_type)
        return f"{kind} · {obj.subject_label or obj.subject_id}"

    @display(description=_("命中规则"), ordering="rule_ids")
    def rule_names(self, obj: Any) -> str:
        """Show id and name of every rule that noticed it."""
        return "、".join(map(rule_title, rule_order(obj.rule_ids))) or "-"

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

    @display(description=_("后续处理"))
    def follow_up(self, obj: Any) -> SafeString | str:
        """Offer what other rooms can do about it."""
        request: HttpRequest | None = getattr(obj, "seen_in", None)
        links = case_links(request, obj) if request else []
        return format_html_join(" ", "{}", ((link,) for link in links)) or "-"

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
