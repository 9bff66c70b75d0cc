"""The exceptions list (异常事项)."""

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
from core.admin.columns import yuan_column
from core.admin.details import detail_column, detail_text
from core.admin.filters import RegionFilter
from core.admin.subjects import row_link
from redemption.admin.settlement.columns import state_column
from redemption.admin.settlement.forms import OwnerForm, ResolutionForm
from redemption.models import ExceptionItem, Redemption
from redemption.services.exceptions import exception_assign, exception_resolve
from redemption.settlement.models import Payout

DATA_LABELS = {
    "order_no": _("订单号"),
    "trade_no": _("渠道交易号"),
    "at": _("到达时间"),
    "reference": _("划付流水号"),
    "reason": _("退汇原因"),
    "acquirer": _("收单机构"),
    "business_date": _("账务日期"),
}


@admin.register(ExceptionItem)
class ExceptionItemAdmin(ScopedModelAdmin):
    """异常事项: late confirms, returned payouts, parked messages, missing files."""

    list_display = (
        "kind",
        "subject",
        "summary",
        "amount",
        "owner",
        "state_label",
        "opened_at",
    )
    list_filter = (
        RegionFilter,
        ("state", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("opened_at", RangeDateFilter),
    )
    list_select_related = ("owner",)
    search_fields = ("subject_id__exact", "data__reference__exact", "data__order_no__exact")
    search_help_text = _("按划付流水号、订单号或对象编号查找")
    fields = (
        "kind",
        "subject",
        "amount",
        "data_of",
        "owner",
        "state_label",
        "resolution",
        "opened_at",
        "resolved_at",
    )
    readonly_fields = ("subject", "amount", "data_of", "state_label")
    actions_detail = ("assign", "resolve")
    has_assign_permission = button("redemption.change_exceptionitem", "OPEN")
    has_resolve_permission = button("redemption.change_exceptionitem", "OPEN")
    amount = yuan_column("amount_fen", _("涉及金额（元）"))
    data_of = detail_column("data", _("内容"), DATA_LABELS)
    state_label = state_column(_("状态"))

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Remember who looks at the row: the subject is linked for those who may see it."""
        item: Any = super().get_object(request, object_id, from_field)
        if item is not None:
            item.seen_in = request
        return item

    @display(description=_("对象"), ordering="subject_id")
    def subject(self, obj: ExceptionItem) -> SafeString | str:
        """Name what it is about; on the item's page with a link, where there is a page."""
        request: HttpRequest | None = getattr(obj, "seen_in", None)
        if request is None:
            return obj.subject
        if obj.kind == ExceptionItem.Kind.LATE_CONFIRM:
            return row_link(request, Redemption, obj.subject, pk=obj.subject_id)
        if obj.kind == ExceptionItem.Kind.PAYOUT_RETURNED:
            return row_link(request, Payout, obj.subject, reference=obj.data["reference"])
        return obj.subject

    @display(description=_("内容"))
    def summary(self, obj: ExceptionItem) -> str:
        """Say in one line what is known."""
        return detail_text(obj.data, DATA_LABELS) or "-"

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
