"""The exceptions list (异常清单)."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import action

from core import clock
from core.admin.actions import action_done, perform, reason_dialog, staff_of
from core.admin.base import ScopedModelAdmin
from core.admin.buttons import button
from core.admin.columns import json_column, yuan_column
from core.admin.filters import RegionFilter
from redemption.admin.settlement.columns import state_column
from redemption.admin.settlement.forms import OwnerForm, ResolutionForm
from redemption.models import ExceptionItem
from redemption.services.exceptions import exception_assign, exception_resolve


@admin.register(ExceptionItem)
class ExceptionItemAdmin(ScopedModelAdmin):
    """异常事项: late confirms, returned payouts, parked messages, missing files."""

    list_display = ("kind", "subject_id", "amount", "owner", "state_label", "opened_at")
    list_filter = (
        RegionFilter,
        ("state", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("opened_at", RangeDateFilter),
    )
    list_select_related = ("owner",)
    search_fields = ("subject_id__exact",)
    fields = (
        "kind",
        "subject_id",
        "amount",
        "data_of",
        "owner",
        "state_label",
        "resolution",
        "opened_at",
        "resolved_at",
    )
    readonly_fields = ("amount", "data_of", "state_label")
    actions_detail = ("assign", "resolve")
    has_assign_permission = button("redemption.change_exceptionitem", "OPEN")
    has_resolve_permission = button("redemption.change_exceptionitem", "OPEN")
    amount = yuan_column("amount_fen", _("涉及金额（元）"))
    data_of = json_column("data", _("内容"))
    state_label = state_column(_("状态"))

    @action(
        description=_("指定负责人"),
        icon="person",
        permissions=["assign"],
        dialog=reason_dialog(_("指定负责人"), form_class=OwnerForm),
    )
    def assign(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Give the item an owner."""
        item = self.object_or_404(request, object_id, verb="change")
        perform(
            request,
            lambda: exception_assign(
                item_id=item.pk,
                owner=form.cleaned_data["owner"],
                actor=staff_of(request),
                now=clock.now(),
            ),
            _("已指定"),
        )
        return action_done(request, self.change_url(item))

    @action(
        description=_("办结"),
        icon="task_alt",
        permissions=["resolve"],
        dialog=reason_dialog(_("登记处理结果"), form_class=ResolutionForm),
    )
    def resolve(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Say what was done."""
        item = self.object_or_404(request, object_id, verb="change")
        perform(
            request,
            lambda: exception_resolve(
                item_id=item.pk,
                resolution=form.cleaned_data["resolution"],
                actor=staff_of(request),
                now=clock.now(),
            ),
            _("已办结"),
        )
        return action_done(request, self.change_url(item))
