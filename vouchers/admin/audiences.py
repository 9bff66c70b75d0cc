"""Audiences (定向人群) and their lists: registered, made, submitted, agreed to by somebody else."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from functools import partial
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
from core.admin.buttons import button, list_button
from core.admin.columns import page_link
from core.admin.filters import RegionFilter, ScopedRelatedFilter
from core.admin.regions import region_column
from vouchers.admin.audience_pages import audiences_owned, list_page, segment_page
from vouchers.models import Audience, AudienceSnapshot
from vouchers.selectors import audience_list
from vouchers.services.audiences import (
    ADD,
    audience_create,
    snapshot_cancel,
    snapshot_submit,
)
from vouchers.states import SnapshotState

STATE_LABELS = {
    "CHECKING": "info",
    "DRAFT": "info",
    "REFUSED": "danger",
    "SUBMITTED": "warning",
    "CANCELLED": "info",
    "APPROVED": "success",
}
REFRESH_S = 3
LISTS = "vouchers_audiencesnapshot_changelist"


@admin.register(Audience)
class AudienceAdmin(ScopedModelAdmin):
    """定向人群: a name that campaigns refer to; who belongs to it is said by its lists."""

    list_display = ("name", "code", "kind", "key_kind", "region", "created_at")
    list_filter = (
        RegionFilter,
        ("kind", ChoicesDropdownFilter),
        ("created_at", RangeDateFilter),
    )
    search_fields = ("name", "code")
    region = region_column("owner_region", _("归属地区"))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Ask for what is registered; show also the lists."""
        asked = ["code", "name", "kind", "key_kind", "owner_region"]
        return [*asked, ("created_by", "created_at"), ("in_force", "lists")] if obj else asked

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Show a registered audience as it is."""
        return ("created_by", "created_at", "in_force", "lists") if obj else ()

    @display(description=_("最近批准的名单"))
    def in_force(self, obj: Audience) -> SafeString | str:
        """Link to the newest approved list."""
        newest = audience_list(obj.pk)
        return "-" if newest is None else page_link(_PAGE, newest, newest.pk)

    @display(description=_("各期名单"))
    def lists(self, obj: Audience) -> SafeString | str:
        """Link to all lists."""
        return page_link(LISTS, _("查看名单"), audience__id__exact=obj.pk)

    def service_create(self, request: HttpRequest, data: dict[str, Any]) -> Model:
        """Register an audience."""
        return audience_create(**data, actor=staff_of(request), now=clock.now())


_PAGE = "vouchers_audiencesnapshot_change"


@admin.register(AudienceSnapshot)
class AudienceSnapshotAdmin(ScopedModelAdmin):
    """人群名单: how many people, from what, since when; never who."""

    list_display = (
        "audience",
        "number",
        "mode",
        "members",
        "state_label",
        "in_force_at",
        "created_by",
        "created_at",
    )
    list_display_links = ("audience", "number")
    list_filter = (
        RegionFilter,
        ("audience", ScopedRelatedFilter),
        ("state", ChoicesDropdownFilter),
        ("created_at", RangeDateFilter),
    )
    list_select_related = ("audience", "created_by")
    search_fields = ("audience__name", "audience__code", "source_sha256__exact", "id__exact")
    search_help_text = _("按人群名称、代码、文件摘要或编号查找")
    fields = (
        ("audience", "number"),
        ("mode", "base"),
        ("name", "source_sha256"),
        ("state", "in_force_at"),
        ("rows", "members"),
        ("created_by", "created_at"),
        ("check_link", "approval_link"),
        "members_sha256",
    )
    actions_list = ("send_in", "select")
    actions_detail = ("submit", "cancel")
    has_send_in_permission = list_button(partial(audiences_owned, kind=Audience.Kind.LIST))
    has_select_permission = list_button(partial(audiences_owned, kind=Audience.Kind.SEGMENT))
    has_submit_permission = button("vouchers.submit_audiencesnapshot", SnapshotState.DRAFT)
    has_cancel_permission = button(ADD, SnapshotState.DRAFT, SnapshotState.CHECKING)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Let the page of a list that is being made load itself again."""
        response = super().changeform_view(request, object_id, form_url, extra_context)
        rows = AudienceSnapshot.objects.filter(state=SnapshotState.CHECKING)
        if object_id and rows.filter(pk=object_id).exists():
            response["Refresh"] = str(REFRESH_S)
        return response

    @display(description=_("状态"), ordering="state", label=STATE_LABELS)
    def state_label(self, obj: AudienceSnapshot) -> tuple[str, str]:
        """Show the state in its colour."""
        return obj.state, obj.get_state_display()

    @display(description=_("生成任务"))
    def check_link(self, obj: AudienceSnapshot) -> SafeString | str:
        """Link to the job and its list of faults."""
        job = obj.check_job
        return "-" if job is None else page_link("core_job_change", job, job.pk)

    @display(description=_("审批"))
    def approval_link(self, obj: AudienceSnapshot) -> SafeString | str:
        """Link to the approval that put it in force."""
        if obj.approval is None:
            return "-"
        return page_link("core_approval_change", obj.approval, obj.approval_id)

    # The page itself checks the token, after it has chosen where uploads go.
    @csrf_exempt
    @action(description=_("上传名单"), icon="upload_file", permissions=["send_in"])
    def send_in(self, request: HttpRequest) -> HttpResponse:
        """Send a file in."""
        return list_page(self, request)

    @action(description=_("按条件生成"), icon="filter_alt", permissions=["select"])
    def select(self, request: HttpRequest) -> HttpResponse:
        """Evaluate a segment."""
        return segment_page(self, request)

    @action(
        description=_("提交复核"),
        icon="send",
        variant=ActionVariant.PRIMARY,
        permissions=["submit"],
        dialog=reason_dialog(
            _("提交人群名单"),
            description=_("另一人同意一分钟后生效"),
            form_class=OptionalReasonForm,
        ),
    )
    def submit(
        self, request: HttpRequest, form: OptionalReasonForm, object_id: str
    ) -> HttpResponse:
        """Submit the list."""
        snapshot = self.object_or_404(request, object_id)
        perform(
            request,
            lambda: snapshot_submit(
                snapshot_id=snapshot.pk,
                actor=staff_of(request),
                now=clock.now(),
                reason=form.cleaned_data["reason"],
            ),
            _("已提交，待另一人复核"),
        )
        return action_done(request, self.change_url(snapshot))

    @action(
        description=_("作废"),
        icon="delete",
        variant=ActionVariant.DANGER,
        permissions=["cancel"],
        dialog=reason_dialog(_("作废名单")),
    )
    def cancel(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Give the list up."""
        snapshot = self.object_or_404(request, object_id)
        perform(
            request,
            lambda: snapshot_cancel(
                snapshot_id=snapshot.pk,
                reason=form.cleaned_data["reason"],
                actor=staff_of(request),
                now=clock.now(),
            ),
            _("已作废，成员已删除"),
        )
        return action_done(request, self.change_url(snapshot))
