"""Grants (定向发放): a list sent in, submitted, agreed to by another person, granted by a job."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from campaigns.admin.forms import OptionalReasonForm
from core import clock
from core.admin.actions import action_done, perform, reason_dialog, staff_of
from core.admin.base import ScopedModelAdmin
from core.admin.buttons import button, list_button, row_of
from core.admin.columns import page_link, yuan_grouped
from core.admin.filters import RegionFilter, ScopedRelatedFilter
from vouchers.admin.grant_upload import ADD, batches_grantable, grant_page
from vouchers.models import Grant, GrantChunk
from vouchers.services.grants import grant_cancel, grant_resume, grant_submit, job_is_lost
from vouchers.states import GrantState

STATE_LABELS = {
    "CHECKING": "info",
    "DRAFT": "info",
    "REFUSED": "danger",
    "SUBMITTED": "warning",
    "CANCELLED": "info",
    "GRANTING": "warning",
    "DONE": "success",
}
WORKING = (GrantState.CHECKING, GrantState.GRANTING)
REFRESH_S = 3
_may_resume = button(ADD, GrantState.GRANTING)


def _resume(admin_class: Any, request: HttpRequest, object_id: Any = None) -> bool:
    if not _may_resume(admin_class, request, object_id):
        return False
    return object_id is None or job_is_lost(row_of(admin_class, request, object_id))


@admin.register(Grant)
class GrantAdmin(ScopedModelAdmin):
    """定向发放: one voucher to everybody on an approved list."""

    covers_field = "batch__campaign__regions"
    list_display = (
        "name",
        "batch",
        "client",
        "people",
        "granted",
        "refused",
        "state_label",
        "created_by",
        "created_at",
    )
    list_filter = (
        RegionFilter,
        ("batch", ScopedRelatedFilter),
        ("state", ChoicesDropdownFilter),
        ("created_at", RangeDateFilter),
    )
    list_select_related = ("batch", "client", "created_by")
    search_fields = ("name", "file_sha256__exact", "id__exact")
    search_help_text = _("按名单文件名、文件摘要或编号查找")
    fields = (
        ("batch", "client"),
        ("name", "file_sha256"),
        ("state", "amount"),
        ("rows", "people"),
        ("granted", "refused"),
        ("created_by", "created_at", "finished_at"),
        ("check_link", "job_link"),
        ("approval_link", "chunks_link"),
        "people_sha256",
    )
    actions_list = ("send_in",)
    actions_detail = ("submit", "resume", "cancel")
    has_send_in_permission = list_button(batches_grantable)
    has_submit_permission = button("vouchers.submit_grant", GrantState.DRAFT)
    has_cancel_permission = button(ADD, GrantState.DRAFT)
    has_resume_permission = _resume

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Let the page of a grant at work load itself again."""
        response = super().changeform_view(request, object_id, form_url, extra_context)
        if object_id and Grant.objects.filter(pk=object_id, state__in=WORKING).exists():
            response["Refresh"] = str(REFRESH_S)
        return response

    @display(description=_("状态"), ordering="state", label=STATE_LABELS)
    def state_label(self, obj: Grant) -> tuple[str, str]:
        """Show the state in its colour."""
        return obj.state, obj.get_state_display()

    @display(description=_("合计面额（元）"))
    def amount(self, obj: Grant) -> str:
        """Show what it costs if everybody is granted."""
        return yuan_grouped(obj.people * obj.batch.face_fen)

    @display(description=_("校验任务"))
    def check_link(self, obj: Grant) -> SafeString | str:
        """Link to the check and its list of faults."""
        return _job_link(obj.check_job)

    @display(description=_("发放任务"))
    def job_link(self, obj: Grant) -> SafeString | str:
        """Link to the work and its list of outcomes."""
        return _job_link(obj.job)

    @display(description=_("审批"))
    def approval_link(self, obj: Grant) -> SafeString | str:
        """Link to the approval that let it begin."""
        if obj.approval is None:
            return "-"
        return page_link("core_approval_change", obj.approval, obj.approval_id)

    @display(description=_("分段"))
    def chunks_link(self, obj: Grant) -> SafeString | str:
        """Link to how far it is."""
        view = "vouchers_grantchunk_changelist"
        return page_link(view, _("查看分段"), grant__id__exact=obj.pk)

    # The page itself checks the token, after it has chosen where uploads go.
    @csrf_exempt
    @action(description=_("新建定向发放"), icon="group_add", permissions=["send_in"])
    def send_in(self, request: HttpRequest) -> HttpResponse:
        """Send a list in."""
        return grant_page(self, request)

    @action(
        description=_("提交复核"),
        icon="send",
        variant=ActionVariant.PRIMARY,
        permissions=["submit"],
        dialog=reason_dialog(
            _("提交定向发放"),
            description=_("另一人同意后立即发放"),
            form_class=OptionalReasonForm,
        ),
    )
    def submit(
        self, request: HttpRequest, form: OptionalReasonForm, object_id: str
    ) -> HttpResponse:
        """Submit the checked list."""
        grant = self.object_or_404(request, object_id)
        perform(
            request,
            lambda: grant_submit(
                grant_id=grant.pk,
                actor=staff_of(request),
                now=clock.now(),
                reason=form.cleaned_data["reason"],
            ),
            _("已提交，待另一人复核"),
        )
        return action_done(request, self.change_url(grant))

    @action(description=_("继续发放"), icon="play_circle", permissions=["resume"])
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take up what a failed job left."""
        grant = self.object_or_404(request, object_id)
        perform(
            request,
            lambda: grant_resume(grant_id=grant.pk, actor=staff_of(request), now=clock.now()),
            _("已继续，不会重复发放"),
        )
        return action_done(request, self.change_url(grant))

    @action(
        description=_("作废"),
        icon="delete",
        variant=ActionVariant.DANGER,
        permissions=["cancel"],
        dialog=reason_dialog(_("作废名单")),
    )
    def cancel(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Give the list up."""
        grant = self.object_or_404(request, object_id)
        perform(
            request,
            lambda: grant_cancel(
                grant_id=grant.pk,
                reason=form.cleaned_data["reason"],
                actor=staff_of(request),
                now=clock.now(),
            ),
            _("已作废"),
        )
        return action_done(request, self.change_url(grant))


@admin.register(GrantChunk)
class GrantChunkAdmin(ScopedModelAdmin):
    """发放分段: how far a grant is."""

    region_field = "grant__owner_region"
    covers_field = "grant__batch__campaign__regions"
    list_display = ("grant", "number", "size", "granted", "decided_at")
    list_filter = (RegionFilter, ("decided_at", RangeDateFilter))
    list_select_related = ("grant",)
    search_fields = ("grant__name",)
    fields = (("grant", "number"), ("size", "granted"), "decided_at")


def _job_link(job: Model | None) -> SafeString | str:
    return "-" if job is None else page_link("core_job_change", job, job.pk)
