"""Reconciliation: days, imported files and their rows."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator

from core import clock
from core.admin.actions import action_done, perform, reason_dialog, staff_of
from core.admin.base import ScopedModelAdmin
from core.admin.buttons import button, list_button
from core.admin.columns import yuan_column
from core.admin.details import detail_column
from core.admin.filters import RegionFilter, ScopedRelatedFilter
from redemption.admin.settlement.choices import importable
from redemption.admin.settlement.columns import state_column
from redemption.admin.settlement.forms import OptionalNoteForm
from redemption.admin.settlement.pages import acquirer_file_page
from redemption.settlement.models import ReconDay, ReconFile, ReconRow
from redemption.settlement.recon.days import day_close, suspense_submit
from redemption.settlement.states import DiscrepancyState

TOTAL_LABELS = {
    "count": _("笔数"),
    "order_fen": _("交易金额（元）"),
    "discount_fen": _("优惠金额（元）"),
    "refund_order_fen": _("退货与撤销交易金额（元）"),
    "refund_discount_fen": _("退货与撤销优惠金额（元）"),
    "fee_fen": _("手续费（元）"),
    "amount_fen": _("金额（元）"),
}


@admin.register(ReconDay)
class ReconDayAdmin(ScopedModelAdmin):
    """对账日: closes when nothing is unexplained."""

    organisation_field = "acquirer__organisation_id"
    list_display = (
        "acquirer",
        "business_date",
        "state_label",
        "matched_count",
        "matched",
        "open_count",
        "suspense_count",
        "closed_by",
    )
    list_filter = (
        RegionFilter,
        ("state", ChoicesDropdownFilter),
        ("acquirer", ScopedRelatedFilter),
        ("business_date", RangeDateFilter),
    )
    list_select_related = ("acquirer", "closed_by")
    search_fields = ("acquirer__name", "acquirer__code")
    fields = (
        "acquirer",
        "business_date",
        "state_label",
        "matched_count",
        "matched",
        "open_count",
        "suspense_count",
        "closed_by",
        "closed_at",
    )
    readonly_fields = ("state_label", "matched", "open_count", "suspense_count")
    actions_detail = ("submit", "close")
    has_submit_permission = button("redemption.submit_reconday", "OPEN")
    has_close_permission = button("redemption.change_reconday", "OPEN")
    state_label = state_column(_("状态"))
    matched = yuan_column("matched_fen", _("相符补贴（元）"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count what is open with the list."""
        left = {
            "open_n": Count("discrepancies", filter=Q(discrepancies__state=DiscrepancyState.OPEN)),
            "suspense_n": Count(
                "discrepancies", filter=Q(discrepancies__state=DiscrepancyState.SUSPENSE)
            ),
        }
        rows: QuerySet[Any] = super().get_queryset(request).annotate(**left)
        return rows

    @display(description=_("待处理差错"), ordering="open_n")
    def open_count(self, obj: Any) -> int:
        """Show how many differences are open."""
        return int(obj.open_n)

    @display(description=_("挂账"), ordering="suspense_n")
    def suspense_count(self, obj: Any) -> int:
        """Show how many are in suspense."""
        return int(obj.suspense_n)

    @action(
        description=_("提交挂账审批"),
        icon="approval",
        permissions=["submit"],
        dialog=reason_dialog(_("提交挂账审批"), form_class=OptionalNoteForm),
    )
    def submit(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Ask for the approval of the suspense list."""
        day = self.object_or_404(request, object_id, verb="submit")
        perform(
            request,
            lambda: suspense_submit(
                day_id=day.pk,
                maker=staff_of(request),
                now=clock.now(),
                reason=form.cleaned_data["reason"],
            ),
            _("已提交复核"),
        )
        return action_done(request, self.change_url(day))

    @action(
        description=_("平账"),
        icon="task_alt",
        permissions=["close"],
        dialog=reason_dialog(
            _("平账"), description=_("须无未查明差错，挂账已审批"), form_class=OptionalNoteForm
        ),
    )
    def close(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Close the day."""
        del form
        day = self.object_or_404(request, object_id, verb="change")
        perform(
            request,
            lambda: day_close(day_id=day.pk, actor=staff_of(request), now=clock.now()),
            _("已平账"),
        )
        return action_done(request, self.change_url(day))


@admin.register(ReconFile)
class ReconFileAdmin(ScopedModelAdmin):
    """对账文件: each with the control totals its rows agree with."""

    organisation_field = "acquirer__organisation_id"
    list_display = (
        "name",
        "kind",
        "acquirer",
        "day",
        "row_count",
        "imported_by",
        "imported_at",
        "matched_at",
    )
    list_filter = (
        RegionFilter,
        ("kind", ChoicesDropdownFilter),
        ("acquirer", ScopedRelatedFilter),
        ("imported_at", RangeDateFilter),
    )
    list_select_related = ("acquirer", "day__acquirer", "imported_by")
    search_fields = ("name", "sha256__exact")
    fields = (
        "name",
        "kind",
        "acquirer",
        "day",
        "sha256",
        "row_count",
        "totals_of",
        "imported_by",
        "imported_at",
        "matched_at",
    )
    readonly_fields = ("totals_of",)
    actions_list = ("import_file",)
    has_import_file_permission = list_button(importable)
    totals_of = detail_column("totals", _("控制合计"), TOTAL_LABELS)

    @action(
        description=_("导入对账文件"),
        icon="upload_file",
        url_path="import",
        permissions=["import_file"],
    )
    def import_file(self, request: HttpRequest) -> HttpResponse:
        """Import an acquirer's file."""
        return acquirer_file_page(self, request)


@admin.register(ReconRow)
class ReconRowAdmin(ScopedModelAdmin):
    """对账文件明细: staged rows, append-only."""

    region_field = "file__owner_region"
    organisation_field = "file__acquirer__organisation_id"
    list_display = (
        "file",
        "row_no",
        "kind",
        "trade_no",
        "merchant_no",
        "terminal_no",
        "traded_at",
        "order",
        "discount",
    )
    list_filter = (
        RegionFilter,
        ("kind", ChoicesDropdownFilter),
        ("file__acquirer", ScopedRelatedFilter),
        ("traded_at", RangeDateFilter),
    )
    list_select_related = ("file",)
    search_fields = ("trade_no__exact", "terminal_no__exact")
    search_help_text = _("按渠道交易号或终端号查找")
    paginator = InfinitePaginator
    ordering = ("-pk",)
    fields = (
        "file",
        "row_no",
        "kind",
        "trade_no",
        "origin_no",
        "merchant_no",
        "terminal_no",
        "trace_no",
        "traded_at",
        "order",
        "discount",
        "fee",
        "settle",
    )
    readonly_fields = ("order", "discount", "fee", "settle")
    order = yuan_column("order_fen", _("交易金额（元）"))
    discount = yuan_column("discount_fen", _("优惠金额（元）"))
    fee = yuan_column("fee_fen", _("手续费（元）"))
    settle = yuan_column("settle_fen", _("结算金额（元）"))
