"""Parameters of screening rules: read, and set as a new version; old versions stay."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from core import clock
from core.access.region_codes import region_chain
from core.access.roles import grants_permitting
from core.admin.actions import REASON_MAX, staff_of
from core.admin.base import ScopedModelAdmin
from core.admin.columns import json_column, page_link
from core.admin.values import RuleFilter
from core.directory import (
    CAMPAIGN,
    directory_choices,
    directory_name,
    directory_visible,
)
from core.errors import DomainError
from core.ids import NIL
from core.screening.models import RuleParameter
from core.screening.parameters import rule_parameters, rule_parameters_set
from core.screening.rules import rule, rule_title, rules

VIEW = "core.view_ruleparameter"
ADD = "core.add_ruleparameter"


class ParameterForm(forms.ModelForm):  # type: ignore[type-arg]  # no brackets at run time
    """A new version: one parameter per line, ``name=value``."""

    rule = forms.ChoiceField(label=_("规则"), widget=UnfoldAdminSelectWidget)
    campaign = forms.ChoiceField(
        label=_("适用活动"), required=False, widget=UnfoldAdminSelectWidget
    )
    lines = forms.CharField(
        label=_("参数"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8}),
        help_text=_("每行一个：名称=非负整数；未写的用规则默认值"),
    )
    reason = forms.CharField(
        label=_("理由"),
        max_length=REASON_MAX,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=_("写入审计日志，不可修改"),
    )

    class Meta:
        model = RuleParameter
        fields = ("enabled",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the registered rules; start from what is in force for the rule of the link."""
        super().__init__(*args, **kwargs)
        offered: Any = self.fields["rule"]
        offered.choices = [(one.id, rule_title(one.id)) for one in rules()]
        chosen = str(self.initial.get("rule", ""))
        if chosen in {one.id for one in rules()}:
            campaign_id = UUID(str(self.initial.get("campaign") or NIL))
            now = rule_parameters(rule=rule(chosen), campaign_id=campaign_id)
            self.initial["lines"] = "\n".join(f"{k}={v}" for k, v in sorted(now.values.items()))
            self.initial["enabled"] = now.enabled

    def clean_lines(self) -> dict[str, int]:
        """Read the lines."""
        values = {}
        for number, line in enumerate(self.cleaned_data["lines"].splitlines(), start=1):
            if not line.strip():
                continue
            name, found, text = (part.strip() for part in line.partition("="))
            if not found or not name or not text.isascii() or not text.isdecimal():
                message = gettext("第 %(number)s 行应写成“名称=非负整数”")
                raise ValidationError(message % {"number": number})
            values[name] = int(text)
        return values


@admin.register(RuleParameter)
class RuleParameterAdmin(ScopedModelAdmin):
    """Versions of parameters, general and per campaign."""

    region_field = None
    list_display = ("rule_name", "version", "campaign_of", "enabled", "created_by", "created_at")
    list_filter = (RuleFilter, "enabled")
    list_select_related = ("created_by",)
    search_fields = ("rule__iexact",)
    search_help_text = _("按规则编号查找，如 FM6")
    readonly_fields = ("rule_name", "campaign_of", "content", "again")

    content = json_column("values", _("参数"))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Setting asks for the new values; reading shows a version."""
        if obj is None:
            return ("rule", "campaign", "enabled", "lines", "reason")
        return (
            "rule_name",
            "version",
            "campaign_of",
            "enabled",
            "content",
            "created_by",
            "created_at",
            "again",
        )

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Show general parameters and those of campaigns in the own region."""
        if not grants_permitting(request.user, VIEW):
            return queryset.none()
        campaigns = directory_visible(CAMPAIGN, request.user, VIEW).values("pk")
        rows = queryset.filter(Q(campaign_id=NIL) | Q(campaign_id__in=campaigns))
        named: QuerySet[Any] = rows.annotate(campaign_name=directory_name("campaign_id", CAMPAIGN))
        return named

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[Any]]:
        """Offer the campaigns in scope."""
        if obj is not None:
            return super().get_form(request, obj, change=change, **kwargs)
        kwargs["form"], kwargs["fields"] = ParameterForm, ("enabled",)
        form = super().get_form(request, obj, change=change, **kwargs)
        offered: Any = form.base_fields["campaign"]
        offered.choices = [("", _("全部活动")), *directory_choices(CAMPAIGN, request.user, ADD)]
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Take rule and campaign from the link on a version's page."""
        return {name: request.GET.get(name, "") for name in ("rule", "campaign")}

    def service_create(self, request: HttpRequest, data: dict[str, Any]) -> RuleParameter:
        """Add a version; general parameters are the province's matter."""
        actor = staff_of(request)
        campaign_id = UUID(data["campaign"]) if data["campaign"] else NIL
        return rule_parameters_set(
            rule_id=data["rule"],
            values=data["lines"],
            enabled=data["enabled"],
            reason=data["reason"],
            campaign_id=campaign_id,
            region=_region_of(request, campaign_id),
            actor=actor,
            now=clock.now(),
        )

    @display(description=_("规则"), ordering="rule")
    def rule_name(self, obj: RuleParameter) -> str:
        """Show id and name of the rule."""
        return rule_title(obj.rule)

    @display(description=_("适用活动"))
    def campaign_of(self, obj: RuleParameter) -> str:
        """Show the campaign."""
        return str(getattr(obj, "campaign_name", "")) or gettext("全部活动")

    @display(description=_("新版本"))
    def again(self, obj: RuleParameter) -> SafeString | str:
        """Link to the form that sets the next version from what is in force."""
        campaign = "" if obj.campaign_id == NIL else obj.campaign_id
        return page_link(
            "core_ruleparameter_add", gettext("设定新版本"), rule=obj.rule, campaign=campaign
        )


def _region_of(request: HttpRequest, campaign_id: UUID) -> str:
    """Return the region whose staff may set parameters: the campaign's, or the whole province."""
    if campaign_id == NIL:
        grants = grants_permitting(staff_of(request), ADD)
        return region_chain(grants[0].region)[0] if grants else ""
    campaign = directory_visible(CAMPAIGN, staff_of(request), ADD).filter(pk=campaign_id).first()
    if campaign is None:
        raise DomainError("access.not_found")
    return str(campaign.owner_region)
