"""风控名单: put forward by one person, agreed to by another, asked by every claim."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from core import clock
from core.admin.actions import action_done, perform, reason_dialog, staff_of
from core.admin.base import ScopedModelAdmin
from core.admin.buttons import button
from core.admin.case_links import case_link_register
from core.admin.columns import page_link
from core.admin.filters import RegionFilter
from core.admin.regions import region_column
from core.admin.subjects import row_link
from core.approvals.models import Approval, ApprovalState
from core.models import Case
from core.screening.models import CaseState
from vouchers.admin.control_form import ControlForm
from vouchers.admin.grant_upload import channels_grantable
from vouchers.models import ControlEntry
from vouchers.services.controls import (
    ADD,
    KIND,
    LIFT,
    LIFT_KIND,
    SUBJECT_TYPE,
    ControlTerms,
    case_key_id,
    control_lift,
    control_propose,
    control_propose_case,
    lift_waits,
)
from vouchers.states import ControlState

STATE_LABELS = {
    "SUBMITTED": "warning",
    "IN_FORCE": "danger",
    "OVER": "info",
    "REJECTED": "info",
    "LIFTED": "success",
}
TERMS = ("owner_region", ("valid_from", "valid_until"), "reason")
LIFTABLE = button(LIFT, ControlState.IN_FORCE)
NUMBER = (("kind", "document_type"), ("number", "client"))


@admin.register(ControlEntry)
class ControlEntryAdmin(ScopedModelAdmin):
    """风控名单: which key, masked, where and until when; its decisions are approvals."""

    list_display = (
        "kind",
        "masked",
        "region",
        "state_label",
        "valid_from",
        "valid_until",
        "reason",
        "created_by",
        "created_at",
    )
    list_display_links = ("kind", "masked")
    list_filter = (
        RegionFilter,
        ("state", ChoicesDropdownFilter),
        ("key__kind", ChoicesDropdownFilter),
        ("valid_until", RangeDateFilter),
        ("created_at", RangeDateFilter),
    )
    list_select_related = ("key", "created_by")
    search_fields = ("key__masked", "reason", "id__exact")
    search_help_text = _("按掩码尾号、列入理由或编号查找")
    actions_detail = ("lift",)

    region = region_column("owner_region", _("管控地区"))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Ask for a number and the terms, of a case for the terms alone; show an entry whole."""
        if obj is None:
            return [*TERMS] if _case_of(request) else [*NUMBER, *TERMS]
        return [
            ("kind", "masked"),
            ("region", "state_label"),
            ("valid_from", "valid_until"),
            "reason",
            "case_link",
            ("created_by", "created_at"),
            ("approval_link", "lift_link"),
            "lifted_at",
        ]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Ask for the number of what is entered; what a case is about is known already."""
        if obj is not None:
            return super().get_form(request, obj, change=change, **kwargs)
        kwargs["form"], kwargs["fields"] = ControlForm, ("owner_region", "reason")
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.case, form.channels = _case_of(request), channels_grantable(request.user, ADD)
        return form

    @display(description=_("种类"), ordering="key__kind")
    def kind(self, obj: ControlEntry) -> str:
        """Show what it is."""
        return obj.key.get_kind_display()

    @display(description=_("掩码"), ordering="key__masked")
    def masked(self, obj: ControlEntry) -> str:
        """Show the tail; nothing else is known."""
        return obj.key.masked or "-"

    @display(description=_("状态"), ordering="state", label=STATE_LABELS)
    def state_label(self, obj: ControlEntry) -> tuple[str, str]:
        """Show the state in its colour; an end that has come is the end."""
        if obj.state == ControlState.IN_FORCE and obj.valid_until <= clock.now():
            return "OVER", gettext("已到期")
        return obj.state, obj.get_state_display()

    @display(description=_("核查单"))
    def case_link(self, obj: ControlEntry) -> SafeString | str:
        """Link to the case for those who may see it."""
        request: HttpRequest | None = getattr(obj, "seen_in", None)
        if obj.case is None or request is None:
            return "-"
        return row_link(request, Case, obj.case, pk=obj.case_id)

    @display(description=_("列入审批"))
    def approval_link(self, obj: ControlEntry) -> SafeString | str:
        """Link to the approval, also while it waits."""
        return _approval_link(obj, KIND)

    @display(description=_("解除审批"))
    def lift_link(self, obj: ControlEntry) -> SafeString | str:
        """Link to the approval that lifts it, also while it waits."""
        return _approval_link(obj, LIFT_KIND)

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Remember who reads, for links that not everybody may follow."""
        obj: Any = super().get_object(request, object_id, from_field)
        if obj is not None:
            obj.seen_in = request
        return obj

    def has_lift_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Offer to ask for the end of what is in force, once."""
        if not LIFTABLE(self, request, object_id):
            return False
        return object_id is None or not lift_waits(object_id)

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Say that nothing is in force yet: a second person has to agree."""
        messages.success(request, _("已提交，待另一人复核，复核同意后生效"))
        if "_addanother" in request.POST:
            return HttpResponseRedirect(request.get_full_path())
        return HttpResponseRedirect(self.change_url(obj))

    def service_create(self, request: HttpRequest, data: dict[str, Any]) -> ControlEntry:
        """Put a key forward."""
        names = ("reason", "owner_region", "valid_from", "valid_until")
        terms = ControlTerms(**{name: data[name] for name in names})
        who: dict[str, Any] = {"actor": staff_of(request), "now": clock.now()}
        case = _case_of(request)
        if case is not None:
            return control_propose_case(case_id=case.pk, terms=terms, **who)
        return control_propose(token=data["token"], terms=terms, **who)

    @action(
        description=_("申请解除"),
        icon="lock_open",
        variant=ActionVariant.PRIMARY,
        permissions=["lift"],
        dialog=reason_dialog(_("解除风控名单"), description=_("另一人复核同意后解除")),
    )
    def lift(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Ask for it to be lifted."""
        entry = self.object_or_404(request, object_id)
        perform(
            request,
            lambda: control_lift(
                entry_id=entry.pk,
                reason=form.cleaned_data["reason"],
                actor=staff_of(request),
                now=clock.now(),
            ),
            _("已提交，待另一人复核"),
        )
        return action_done(request, self.change_url(entry))


def _approval_link(obj: ControlEntry, kind: str) -> SafeString | str:
    # What was rejected before is in the list of approvals.
    rows = Approval.objects.filter(kind=kind, subject_type=SUBJECT_TYPE, subject_id=str(obj.pk))
    newest = rows.order_by("-created_at", "-pk").first()
    if newest is None:
        return "-"
    shown = f"{newest.title} · {ApprovalState(newest.state).label}"
    return page_link("core_approval_change", shown, newest.pk)


def _case_of(request: HttpRequest) -> Case | None:
    """Return the case that the form was opened from; 404 for one the reader may not see."""
    named = request.GET.get("case")
    if not named:
        return None
    case: Case | None = admin.site.get_model_admin(Case).get_object(request, named)
    if case is None:
        raise Http404
    return case


def _offer(request: HttpRequest, case: Case) -> SafeString | str:
    """Offer to put the subject of a case that was upheld on the list."""
    if case.state != CaseState.UPHELD or not request.user.has_perm(ADD):
        return ""
    if case_key_id(case) is None:
        return ""
    return page_link("vouchers_controlentry_add", gettext("列入风控名单"), case=case.pk)


case_link_register(_offer)
