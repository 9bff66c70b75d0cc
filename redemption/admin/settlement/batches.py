"""Settlement batches: built, checked, approved by a second person, sent, paid or rejected."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import action
from unfold.enums import ActionVariant

from core import clock
from core.admin.actions import action_done, perform, reason_dialog, staff_of
from core.admin.base import ScopedModelAdmin
from core.admin.buttons import button, list_button
from core.admin.columns import yuan_column
from core.admin.filters import RegionFilter, ScopedRelatedFilter
from core.admin.regions import region_column
from redemption.admin.settlement.choices import buildable
from redemption.admin.settlement.columns import state_column
from redemption.admin.settlement.forms import OptionalNoteForm
from redemption.admin.settlement.pages import build_page
from redemption.settlement.models import SettlementBatch
from redemption.settlement.services.lifecycle import (
    settlement_check,
    settlement_reject,
    settlement_submit,
)
from redemption.settlement.services.payouts import settlement_send


@admin.register(SettlementBatch)
class SettlementBatchAdmin(ScopedModelAdmin):
    """结算批次: one per campaign, acquirer and business date."""

    organisation_field = "acquirer__organisation_id"
    list_display = (
        "code",
        "acquirer",
        "business_date",
        "due_on",
        "state_label",
        "positive",
        "negative",
        "payout",
        "payee_count",
        "fact_count",
        "region",
    )
    list_filter = (
        RegionFilter,
        ("state", ChoicesDropdownFilter),
        ("campaign", ScopedRelatedFilter),
        ("acquirer", ScopedRelatedFilter),
        ("business_date", RangeDateFilter),
        ("due_on", RangeDateFilter),
    )
    list_select_related = ("acquirer", "campaign")
    search_fields = ("code",)
    fields = (
        "code",
        "campaign",
        "acquirer",
        "business_date",
        "due_on",
        "state_label",
        "positive",
        "negative",
        "carry_in",
        "carry_out",
        "payout",
        "payee_count",
        "fact_count",
        "checked_by",
        "checked_at",
        "approval",
        "approved_at",
        "sent_at",
        "paid_at",
        "rejected_at",
        "reject_reason",
        "created_at",
    )
    readonly_fields = ("state_label", "positive", "negative", "carry_in", "carry_out", "payout")
    actions_list = ("build",)
    actions_detail = ("verify", "submit", "send", "reject")
    has_build_permission = list_button(buildable)
    has_verify_permission = button("redemption.check_settlementbatch", "DRAFT")
    has_submit_permission = button("redemption.submit_settlementbatch", "CHECKED")
    has_send_permission = button("redemption.send_settlementbatch", "APPROVED", "PARTIALLY_PAID")
    has_reject_permission = button("redemption.change_settlementbatch", "DRAFT", "CHECKED")
    state_label = state_column(_("状态"))
    positive = yuan_column("positive_fen", _("应结（元）"))
    negative = yuan_column("negative_fen", _("退款扣回（元）"))
    carry_in = yuan_column("carry_in_fen", _("上期结转（元）"))
    carry_out = yuan_column("carry_out_fen", _("结转下期（元）"))
    payout = yuan_column("payout_fen", _("实付（元）"))
    region = region_column("owner_region", _("归属地区"))

    @action(
        description=_("生成"),
        icon="playlist_add",
        url_path="build",
        permissions=["build"],
    )
    def build(self, request: HttpRequest) -> HttpResponse:
        """Build a batch that the night did not."""
        return build_page(self, request)

    @action(
        description=_("核对"),
        icon="fact_check",
        permissions=["verify"],
        dialog=reason_dialog(
            _("核对结算批次"),
            description=_("逐行与明细比对，相符后标记为已核对"),
            form_class=OptionalNoteForm,
        ),
    )
    def verify(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Compare with the facts."""
        del form
        batch = self.object_or_404(request, object_id, verb="check")
        perform(
            request,
            lambda: settlement_check(batch_id=batch.pk, actor=staff_of(request), now=clock.now()),
            _("核对相符"),
        )
        return action_done(request, self.change_url(batch))

    @action(
        description=_("提交审批"),
        icon="approval",
        permissions=["submit"],
        dialog=reason_dialog(
            _("提交审批"), description=_("复核人批准后生成划付"), form_class=OptionalNoteForm
        ),
    )
    def submit(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Ask the second person."""
        batch = self.object_or_404(request, object_id, verb="submit")
        perform(
            request,
            lambda: settlement_submit(
                batch_id=batch.pk,
                maker=staff_of(request),
                now=clock.now(),
                reason=form.cleaned_data["reason"],
            ),
            _("已提交复核"),
        )
        return action_done(request, self.change_url(batch))

    @action(
        description=_("标记已发送"),
        icon="send",
        permissions=["send"],
        dialog=reason_dialog(
            _("标记已发送银行"),
            description=_("首次发送全部划付；部分付款后只重发退汇的划付"),
            form_class=OptionalNoteForm,
        ),
    )
    def send(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Mark the payouts sent."""
        del form
        batch = self.object_or_404(request, object_id, verb="send")
        perform(
            request,
            lambda: settlement_send(batch_id=batch.pk, actor=staff_of(request), now=clock.now()),
            _("已标记发送"),
        )
        return action_done(request, self.change_url(batch))

    @action(
        description=_("驳回"),
        icon="undo",
        variant=ActionVariant.DANGER,
        permissions=["reject"],
        dialog=reason_dialog(
            _("驳回结算批次"), description=_("明细退回待结算，可重新生成；操作记入审计日志")
        ),
    )
    def reject(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Take the batch apart."""
        batch = self.object_or_404(request, object_id, verb="change")
        perform(
            request,
            lambda: settlement_reject(
                batch_id=batch.pk,
                actor=staff_of(request),
                reason=form.cleaned_data["reason"],
                now=clock.now(),
            ),
            _("已驳回"),
        )
        return action_done(request, self.change_url(batch))
