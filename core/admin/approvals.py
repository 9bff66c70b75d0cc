"""Approvals (审批): what waits for whom, what exactly is agreed to, and the decision itself."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from core import clock
from core.access.models import User
from core.access.roles import may
from core.admin.actions import (
    REASON_MAX,
    ReasonForm,
    action_done,
    perform,
    reason_dialog,
    staff_of,
)
from core.admin.attachments import attachment_of
from core.admin.base import ScopedModelAdmin
from core.admin.buttons import row_of
from core.admin.columns import json_block, lines_block, yuan_grouped
from core.admin.filters import RegionFilter
from core.admin.regions import region_column
from core.admin.subjects import row_link
from core.admin.words import subject_words
from core.approvals.models import Approval, ApprovalDecision, ApprovalState
from core.approvals.registry import ApprovalKind, approval_kind
from core.approvals.services import (
    approval_decide,
    approval_is_unchanged,
    approval_withdraw,
)
from core.approvals.visibility import approvals_visible
from core.subjects import subject_name, subject_of

STATE_LABELS = {
    "PENDING": "warning",
    "APPROVED": "success",
    "REJECTED": "danger",
    "WITHDRAWN": "info",
}
AMOUNT_LINE = ("amount", "progress")


class CommentForm(BaseDialogForm):
    """An opinion that may be left out."""

    comment = forms.CharField(
        label=_("意见"),
        max_length=REASON_MAX,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class DecisionInline(TabularInline):
    """The words of the checkers, one per level."""

    model = ApprovalDecision
    hide_title = True
    fields = ("step", "checker", "agreed", "comment", "at")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Opinions are seen with their approval."""
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Opinions are given by the buttons."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Opinions are append-only."""
        return False


@admin.register(Approval)
class ApprovalAdmin(ScopedModelAdmin):
    """Requests of makers, the newest first; checkers agree or reject here."""

    list_display = (
        "title",
        "kind_title",
        "subject",
        "amount",
        "maker",
        "progress",
        "state_label",
        "created_at",
    )
    list_filter = (
        RegionFilter,
        ("state", ChoicesDropdownFilter),
        ("created_at", RangeDateFilter),
    )
    list_select_related = ("maker",)
    search_fields = ("title", "subject_id__exact")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "title",
                    ("kind_title", "state"),
                    AMOUNT_LINE,
                    ("maker", "created_at", "decided_at"),
                    "reason",
                    ("region", "subject"),
                )
            },
        ),
        (_("批准的内容"), {"fields": ("description", "unchanged", "config_hash")}),
        (_("内容原文"), {"fields": ("changed_fields", "content"), "classes": ("collapse",)}),
    )
    readonly_fields = ("attached",)
    inlines = (DecisionInline,)
    actions_detail = ("agree", "reject", "withdraw")

    region = region_column("owner_region", _("归属地区"))

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Show what the member of staff may read; of some kinds that is not for everybody."""
        return approvals_visible(queryset, request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Read the opinions of a page in one query, the names of its subjects in the list's."""
        rows = super().get_queryset(request).prefetch_related("decisions")
        named: QuerySet[Any] = rows.annotate(subject_name=subject_name())
        return named

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Remember who looks at the row: the subject is linked for those who may see it."""
        approval: Any = super().get_object(request, object_id, from_field)
        if approval is not None:
            approval.seen_in = request
        return approval

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show no amount where there is none, and what another room adds with the content."""
        if obj is None:
            return self.fieldsets
        (name, head), (title, options), *rest = self.fieldsets
        fields: tuple[Any, ...] = head["fields"]
        if not _has_amount(obj):
            fields = tuple("progress" if one == AMOUNT_LINE else one for one in fields)
        if attachment_of(obj.kind) is not None:
            shown: tuple[Any, ...] = (*options["fields"], "attached")
            options = {**options, "fields": shown}
        return ((name, {**head, "fields": fields}), (title, options), *rest)

    @display(description=_("涉及金额（元）"), ordering="amount_fen")
    def amount(self, obj: Approval) -> str:
        """Show the amount of a matter that has one."""
        return yuan_grouped(obj.amount_fen) if _has_amount(obj) else "-"

    amount.fen_field = "amount_fen"  # exported as a number

    @display(description=_("事项"), ordering="kind")
    def kind_title(self, obj: Approval) -> str:
        """Show what kind of matter it is."""
        kind = _kind(obj)
        return gettext(kind.title) if kind else obj.kind

    @display(description=_("状态"), ordering="state", label=STATE_LABELS)
    def state_label(self, obj: Approval) -> tuple[str, str]:
        """Show the state in its colour."""
        return obj.state, obj.get_state_display()

    @display(description=_("复核进度"))
    def progress(self, obj: Approval) -> str:
        """Show how many of the levels have agreed."""
        agreed = sum(decision.agreed for decision in obj.decisions.all())
        return f"{agreed} / {obj.depth}"

    @display(description=_("对象"), ordering="subject_name")
    def subject(self, obj: Any) -> SafeString | str:
        """Name what it is about; on the approval's page with a link, where there is a page."""
        named = f"{subject_words(obj.subject_type)} · {obj.subject_name or gettext('（无名称）')}"
        request: HttpRequest | None = getattr(obj, "seen_in", None)
        about = subject_of(obj.subject_type)
        if request is None or about is None:
            return named
        return row_link(request, about.model, named, pk=about.row_id(obj))

    @display(description=_("说明"))
    def description(self, obj: Approval) -> SafeString | str:
        """Say in words what takes effect."""
        kind = _kind(obj)
        lines = kind.describe(obj.subject_id, obj.payload) if kind else []
        empty = gettext("见标题与涉及金额") if _has_amount(obj) else gettext("见标题")
        return lines_block(lines, empty=empty)

    @display(description=_("逐项改动"))
    def changed_fields(self, obj: Approval) -> SafeString | str:
        """List every field that changes, old and new value, none left out."""
        kind = _kind(obj)
        return lines_block(kind.fields(obj.subject_id, obj.payload) if kind else [])

    @display(description=_("相关资料"))
    def attached(self, obj: Approval) -> SafeString | str:
        """Show what another room adds."""
        attachment = attachment_of(obj.kind)
        request: HttpRequest | None = getattr(obj, "seen_in", None)
        return attachment(request, obj) if attachment and request else "-"

    @display(description=_("与提交时一致"))
    def unchanged(self, obj: Approval) -> str:
        """Tell whether the subject still is what was submitted; a decision was about just that."""
        if _kind(obj) is None:
            return gettext("无法核对")
        if obj.state == ApprovalState.APPROVED:
            return gettext("批准时一致")
        if obj.state != ApprovalState.PENDING:
            return gettext("已办结")
        return gettext("一致") if approval_is_unchanged(obj) else gettext("已改动，不能批准")

    @display(description=_("内容"))
    def content(self, obj: Approval) -> SafeString:
        """Show what the hash was made of."""
        kind = _kind(obj)
        snapshot = kind.snapshot(obj.subject_id, obj.payload) if kind else None
        return json_block({"content": snapshot, "payload": obj.payload})

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Show the decision to whom the next level belongs, never to the maker."""
        if object_id is None:
            return True
        approval: Approval | None = row_of(self, request, object_id)
        kind = _kind(approval) if approval else None
        if approval is None or kind is None or approval.state != ApprovalState.PENDING:
            return False
        checkers = list(approval.decisions.values_list("checker_id", flat=True))
        if request.user.pk in (approval.maker_id, *checkers):
            return False
        wanted = kind.action(len(checkers) + 1)
        return isinstance(request.user, User) and may(request.user, wanted, approval.owner_region)

    def has_withdraw_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Only the maker takes his request back."""
        approval = row_of(self, request, object_id) if object_id else None
        if approval is None:
            return object_id is None
        return bool(
            approval.state == ApprovalState.PENDING and approval.maker_id == request.user.pk
        )

    @action(
        description=_("同意"),
        icon="task_alt",
        variant=ActionVariant.SUCCESS,
        permissions=["decide"],
        dialog=reason_dialog(
            _("同意"), description=_("最后一级同意后立即生效"), form_class=CommentForm
        ),
    )
    def agree(self, request: HttpRequest, form: CommentForm, object_id: str) -> HttpResponse:
        """Agree at the present level."""
        return self._decide(request, object_id, form.cleaned_data["comment"], agree=True)

    @action(
        description=_("驳回"),
        icon="cancel",
        variant=ActionVariant.DANGER,
        permissions=["decide"],
        dialog=reason_dialog(_("驳回")),
    )
    def reject(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        """Reject, with the reason as the opinion."""
        return self._decide(request, object_id, form.cleaned_data["reason"], agree=False)

    @action(
        description=_("撤回"),
        icon="undo",
        permissions=["withdraw"],
        dialog=reason_dialog(_("撤回申请")),
    )
    def withdraw(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        """Take the request back."""
        approval = self.get_object(request, object_id)
        perform(
            request,
            lambda: approval_withdraw(
                approval_id=approval.pk,
                actor=staff_of(request),
                reason=form.cleaned_data["reason"],
                now=clock.now(),
            ),
            _("已撤回"),
        )
        return action_done(request, self.change_url(approval))

    def _decide(
        self, request: HttpRequest, object_id: str, comment: str, *, agree: bool
    ) -> HttpResponse:
        approval = self.object_or_404(request, object_id)
        perform(
            request,
            lambda: approval_decide(
                approval_id=approval.pk,
                checker=staff_of(request),
                agree=agree,
                now=clock.now(),
                comment=comment,
            ),
            _("已同意") if agree else _("已驳回"),
        )
        return action_done(request, self.change_url(approval))


def _has_amount(approval: Approval) -> bool:
    kind = _kind(approval)
    return kind is None or kind.has_amount


def _kind(approval: Approval) -> ApprovalKind | None:
    try:
        return approval_kind(approval.kind)
    except LookupError:
        return None
