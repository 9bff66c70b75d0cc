"""The buttons on a campaign's page: each is one service call, shown only where it can work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant

from campaigns.admin.forms import (
    AdjustmentForm,
    AuditForm,
    BudgetForm,
    FundsForm,
    OptionalReasonForm,
)
from campaigns.definition.document import documents_equal
from campaigns.models import Campaign
from campaigns.services import closing, lifecycle
from campaigns.services.adjustments import adjustment_request
from campaigns.services.budgets import BudgetChange, campaign_budget_change
from campaigns.services.drafts import draft_waits
from campaigns.services.funds import funds_movement_request
from campaigns.services.versions import campaign_submit
from core import clock
from core.admin.actions import action_done, perform, reason_dialog, staff_of
from core.admin.buttons import button, row_of

FUNDED = ("APPROVED", "LIVE", "PAUSED", "ENDED", "CLEARING", "AUDITED", "CLOSED")
EDIT_PAGE = "campaigns_campaign_edit"
WAITING = _("已提交，待另一人复核")


class CampaignSteps:
    """Mixin of the campaign's admin class."""

    actions_detail: tuple[Any, ...] = (
        "edit",
        "submit",
        "go_live",
        "pause",
        "stop",
        "restart",
        "end",
        "clear",
        "audit",
        "close",
        {"title": _("资金"), "icon": "payments", "items": ["funds", "adjust", "budget"]},
        "download",
    )
    may_edit = button(
        "campaigns.change_campaign", "DRAFT", "SUBMITTED", "APPROVED", "LIVE", "PAUSED"
    )
    may_submit = button("campaigns.submit_campaign", "DRAFT", "APPROVED", "LIVE", "PAUSED")
    has_launch_permission = button("campaigns.launch_campaign", "APPROVED")
    has_pause_permission = button("campaigns.pause_campaign", "LIVE")
    has_stop_permission = button("campaigns.stop_campaign", "LIVE", "PAUSED")
    has_restart_permission = button("campaigns.restart_campaign", "PAUSED")
    has_end_permission = button("campaigns.end_campaign", "LIVE", "PAUSED")
    has_clear_permission = button("campaigns.end_campaign", "ENDED")
    has_audit_permission = button("campaigns.close_campaign", "CLEARING")
    has_close_permission = button("campaigns.close_campaign", "AUDITED")
    has_funds_permission = button("campaigns.add_fundsmovement", *FUNDED)
    has_budget_permission = button("campaigns.submit_campaign", "APPROVED", "LIVE", "PAUSED")

    def has_submit_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Show the button while the draft differs from what is in force and does not wait."""
        if not self.may_submit(request, object_id):
            return False
        campaign: Campaign | None = row_of(self, request, object_id) if object_id else None
        if campaign is None:
            return True
        if self.is_waiting(request, campaign):
            return False
        return campaign.version is None or not documents_equal(
            campaign.version.document, campaign.draft
        )

    def has_edit_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Hide the button while the draft waits; its address then says so (`edit`)."""
        if not self.may_edit(request, object_id):
            return False
        campaign: Campaign | None = row_of(self, request, object_id) if object_id else None
        is_address = getattr(request.resolver_match, "url_name", "") == EDIT_PAGE
        return campaign is None or is_address or not self.is_waiting(request, campaign)

    def is_waiting(self, request: HttpRequest, campaign: Campaign) -> bool:
        """Tell whether the draft waits for approval; asked once per request."""
        asked: dict[Any, bool] = request.__dict__.setdefault("_drafts_waiting", {})
        if campaign.pk not in asked:
            asked[campaign.pk] = draft_waits(campaign)
        return asked[campaign.pk]

    @action(
        description=_("提交审批"),
        icon="send",
        variant=ActionVariant.PRIMARY,
        permissions=["submit"],
        dialog=reason_dialog(_("提交审批"), form_class=OptionalReasonForm),
    )
    def submit(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Submit the draft."""
        return self._step(
            request,
            object_id,
            lambda campaign, **common: campaign_submit(
                campaign_id=campaign.pk, reason=form.cleaned_data["reason"], **common
            ),
            WAITING,
        )

    @action(
        description=_("上线"),
        icon="rocket_launch",
        variant=ActionVariant.SUCCESS,
        permissions=["launch"],
        dialog=reason_dialog(
            _("上线"),
            description=_("按已批准的版本上线；须有生效名单且终端均已完成验券测试"),
            form_class=OptionalReasonForm,
        ),
    )
    def go_live(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Go live with the approved version."""
        return self._step(
            request,
            object_id,
            lambda campaign, **common: lifecycle.campaign_go_live(
                campaign_id=campaign.pk, **common
            ),
            _("已上线"),
        )

    @action(
        description=_("暂停领取"),
        icon="pause_circle",
        variant=ActionVariant.WARNING,
        permissions=["pause"],
        dialog=reason_dialog(_("暂停领取"), description=_("已领取的券仍可使用；恢复须两人")),
    )
    def pause(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Stop claims."""
        return self._reasoned(request, form, object_id, lifecycle.campaign_pause, _("已暂停领取"))

    @action(
        description=_("停止（领取与核销）"),
        icon="stop_circle",
        variant=ActionVariant.DANGER,
        permissions=["stop"],
        dialog=reason_dialog(
            _("停止领取与核销"), description=_("立即停止领取与核销，退款不受影响；恢复须两人")
        ),
    )
    def stop(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Stop claims and redemptions."""
        return self._reasoned(request, form, object_id, lifecycle.campaign_stop, _("已停止"))

    @action(
        description=_("申请恢复"),
        icon="play_circle",
        permissions=["restart"],
        dialog=reason_dialog(_("申请恢复活动"), description=_("另一人复核后恢复领取与核销")),
    )
    def restart(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Ask to run again."""
        return self._reasoned(request, form, object_id, lifecycle.campaign_restart_request, WAITING)

    @action(
        description=_("结束活动"),
        icon="event_busy",
        variant=ActionVariant.WARNING,
        permissions=["end"],
        dialog=reason_dialog(
            _("结束活动"), description=_("不再投放与领取，未领取额度收回；不能撤销")
        ),
    )
    def end(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """End before the time."""
        return self._reasoned(request, form, object_id, lifecycle.campaign_end, _("已结束"))

    @action(
        description=_("开始清算"),
        icon="calculate",
        permissions=["clear"],
        dialog=reason_dialog(_("开始清算"), form_class=OptionalReasonForm),
    )
    def clear(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Begin clearing."""
        return self._step(
            request,
            object_id,
            lambda campaign, **common: closing.campaign_clear(campaign_id=campaign.pk, **common),
            _("已进入清算"),
        )

    @action(
        description=_("登记审计结论"),
        icon="verified",
        permissions=["audit"],
        dialog=reason_dialog(_("登记审计结论"), form_class=AuditForm),
    )
    def audit(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Record the audit's report."""
        return self._step(
            request,
            object_id,
            lambda campaign, **common: closing.campaign_audit(
                campaign_id=campaign.pk,
                document_no=form.cleaned_data["document_no"],
                conclusion=form.cleaned_data["reason"],
                **common,
            ),
            _("已登记"),
        )

    @action(
        description=_("申请关闭"),
        icon="lock",
        variant=ActionVariant.DANGER,
        permissions=["close"],
        dialog=reason_dialog(_("申请关闭活动"), description=_("复核后结余按出资方缴回")),
    )
    def close(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Ask to close."""
        return self._reasoned(request, form, object_id, closing.campaign_close_request, WAITING)

    @action(
        description=_("登记资金"),
        icon="payments",
        permissions=["funds"],
        dialog=reason_dialog(_("登记资金收支"), description=_("复核后入账"), form_class=FundsForm),
    )
    def funds(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Enter cash that came or went."""
        return self._step(
            request,
            object_id,
            lambda campaign, **common: funds_movement_request(
                campaign_id=campaign.pk, **_entered(form), **common
            ),
            WAITING,
        )

    @action(
        description=_("调账"),
        icon="tune",
        permissions=["funds"],
        dialog=reason_dialog(_("调账"), description=_("复核后入账"), form_class=AdjustmentForm),
    )
    def adjust(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Enter an adjustment."""
        return self._step(
            request,
            object_id,
            lambda campaign, **common: adjustment_request(
                campaign_id=campaign.pk, **_entered(form), **common
            ),
            WAITING,
        )

    @action(
        description=_("追加/调减"),
        icon="exposure",
        permissions=["budget"],
        dialog=reason_dialog(
            _("追加或调减预算"), description=_("复核后按差额入账"), form_class=BudgetForm
        ),
    )
    def budget(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Top up or cut amounts."""
        changes = [BudgetChange(*line) for line in form.cleaned_data["changes"]]
        return self._step(
            request,
            object_id,
            lambda campaign, **common: campaign_budget_change(
                campaign_id=campaign.pk,
                changes=changes,
                reason=form.cleaned_data["reason"],
                **common,
            ),
            WAITING,
        )

    def _reasoned(
        self,
        request: HttpRequest,
        form: Any,
        object_id: str,
        service: Callable[..., object],
        done: Any,
    ) -> HttpResponse:
        reason = form.cleaned_data["reason"]
        return self._step(
            request,
            object_id,
            lambda campaign, **common: service(campaign_id=campaign.pk, reason=reason, **common),
            done,
        )

    def _step(
        self: Any,
        request: HttpRequest,
        object_id: str,
        service: Callable[..., object],
        done: Any,
    ) -> HttpResponse:
        campaign: Campaign = self.object_or_404(request, object_id)
        actor, now = staff_of(request), clock.now()
        perform(request, lambda: service(campaign, actor=actor, now=now), done)
        return action_done(request, self.change_url(campaign))


def _entered(form: Any) -> dict[str, Any]:
    """Return what was entered, with the funder's id for the funding that was chosen."""
    values = {name: value for name, value in form.cleaned_data.items() if name[0] != "_"}
    values["funder_id"] = values.pop("funder").funder_id
    return values
