"""Differences: an owner, a resolution with evidence, or suspense until approved."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import action, display

from core import clock
from core.admin.actions import action_done, perform, reason_dialog, staff_of
from core.admin.base import ScopedModelAdmin
from core.admin.buttons import button
from core.admin.columns import page_link, yuan_column
from core.admin.details import detail_column
from core.admin.filters import RegionFilter, ScopedRelatedFilter, StoreRegionFilter
from core.ids import to_public
from redemption.admin.settlement.columns import state_column
from redemption.admin.settlement.forms import OwnerForm, ResolutionForm, ResolveForm
from redemption.answers import REDEMPTION
from redemption.settlement.models import Discrepancy
from redemption.settlement.recon.days import discrepancy_assign, discrepancy_resolve
from redemption.settlement.states import DiscrepancyState

DETAIL_LABELS = {"order_diff_fen": _("订单金额之差（对方减平台，元）")}


@admin.register(Discrepancy)
class DiscrepancyAdmin(ScopedModelAdmin):
    """对账差错: none is left without an owner and an outcome."""

    store_region_field = "store_region"
    organisation_field = "day__acquirer__organisation_id"
    list_display = (
        "kind",
        "day",
        "trade_no",
        "ours",
        "theirs",
        "amount",
        "owner",
        "age",
        "state_label",
    )
    list_filter = (
        RegionFilter,
        StoreRegionFilter,
        ("state", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("day__acquirer", ScopedRelatedFilter),
        ("day__business_date", RangeDateFilter),
    )
    list_select_related = ("day__acquirer", "owner")
    search_fields = ("trade_no__exact", "redemption__id__exact")
    search_help_text = _("按渠道交易号或核销单编号查找")
    fields = (
        "kind",
        "day",
        "trade_no",
        "redemption_of",
        "row",
        "ours",
        "theirs",
        "amount",
        "detail_of",
        "owner",
        "age",
        "state_label",
        "resolution",
        "evidence",
        "approval",
        "found_at",
        "resolved_at",
    )
    readonly_fields = (
        "redemption_of",
        "ours",
        "theirs",
        "amount",
        "detail_of",
        "age",
        "state_label",
    )
    actions_detail = ("assign", "explain", "suspend")
    has_assign_permission = button("redemption.change_discrepancy", "OPEN", "SUSPENSE")
    has_explain_permission = button("redemption.explain_discrepancy", "OPEN", "SUSPENSE")
    has_suspend_permission = button("redemption.explain_discrepancy", "OPEN")
    ours = yuan_column("ours_fen", _("平台金额（元）"))
    theirs = yuan_column("theirs_fen", _("对方金额（元）"))
    amount = yuan_column("amount_fen", _("差额（元）"))
    detail_of = detail_column("detail", _("说明"), DETAIL_LABELS)
    state_label = state_column(_("状态"))

    @display(description=_("核销单"))
    def redemption_of(self, obj: Discrepancy) -> SafeString | str:
        """Link to the redemption."""
        if obj.redemption_id is None:
            return "-"
        number = to_public(REDEMPTION, obj.redemption_id)
        return page_link("redemption_redemption_change", number, obj.redemption_id)

    @display(description=_("账龄（天）"), ordering="-found_at")
    def age(self, obj: Discrepancy) -> int:
        """Show how many days it has been open, or was."""
        return ((obj.resolved_at or clock.now()) - obj.found_at).days

    @action(
        description=_("指定负责人"),
        icon="person",
        permissions=["assign"],
        dialog=reason_dialog(_("指定负责人"), form_class=OwnerForm),
    )
    def assign(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Give the difference an owner."""
        one = self.object_or_404(request, object_id, verb="change")
        perform(
            request,
            lambda: discrepancy_assign(
                discrepancy_id=one.pk,
                owner=form.cleaned_data["owner"],
                actor=staff_of(request),
                now=clock.now(),
            ),
            _("已指定"),
        )
        return action_done(request, self.change_url(one))

    @action(
        description=_("查明"),
        icon="task_alt",
        permissions=["explain"],
        dialog=reason_dialog(_("登记处理结果"), form_class=ResolveForm),
    )
    def explain(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Explain the difference."""
        return self._resolve(
            request,
            object_id,
            DiscrepancyState.EXPLAINED,
            form.cleaned_data["resolution"],
            form.cleaned_data["evidence"],
        )

    @action(
        description=_("挂账"),
        icon="pending_actions",
        permissions=["suspend"],
        dialog=reason_dialog(
            _("转入挂账"), description=_("挂账清单须经复核"), form_class=ResolutionForm
        ),
    )
    def suspend(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Put the difference into suspense."""
        resolution = form.cleaned_data["resolution"]
        return self._resolve(request, object_id, DiscrepancyState.SUSPENSE, resolution)

    def _resolve(
        self,
        request: HttpRequest,
        object_id: str,
        target: DiscrepancyState,
        resolution: str,
        evidence: str = "",
    ) -> HttpResponse:
        one = self.object_or_404(request, object_id, verb="explain")
        perform(
            request,
            lambda: discrepancy_resolve(
                discrepancy_id=one.pk,
                target=target,
                resolution=resolution,
                evidence=evidence,
                actor=staff_of(request),
                now=clock.now(),
            ),
            _("已登记"),
        )
        return action_done(request, self.change_url(one))
