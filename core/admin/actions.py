"""Tools for admin actions: one service call, its refusal as a message, a reason where one is due.

An action of a room reads:

    @action(description=_("暂停"), permissions=["merchants.suspend_merchant"],
            dialog=reason_dialog(_("暂停商户")))
    def suspend(self, request, form, object_id):
        merchant = self.object_or_404(request, object_id)
        perform(request, lambda: merchant_suspend(merchant_id=merchant.pk, …), _("已暂停"))
        return action_done(request, self.change_url(merchant))
"""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from unfold.dataclasses import ActionDialog
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from core.access.models import User
from core.errors import DomainError
from core.errors.problem import problem_document

REASON_MAX = 500
CONFIRM = _("确定")


class ReasonForm(BaseDialogForm):
    """A dialog with one field: why."""

    reason = forms.CharField(
        label=_("理由"),
        max_length=REASON_MAX,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_("写入审计日志，不可修改"),
    )


def reason_dialog(
    title: Any,
    *,
    description: Any = "",
    submit: Any = CONFIRM,
    form_class: type[BaseDialogForm] = ReasonForm,
) -> ActionDialog:
    """Return an Unfold dialog that asks for a reason (or what ``form_class`` asks for)."""
    return ActionDialog(
        title=title, description=description, form_class=form_class, form_submit_text=submit
    )


def staff_of(request: HttpRequest) -> User:
    """Return the member of staff who sent the request; the admin lets nobody else in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def error_text(error: DomainError) -> str:
    """Write a refusal for a member of staff, in the language of the page."""
    language = "en" if (get_language() or "").startswith("en") else "zh-CN"
    problem = problem_document(error, language=language, request_id="")
    parts = [problem["title"], problem.get("detail"), problem.get("remedy")]
    parts += [f"{param['name']}: {param['reason']}" for param in problem.get("invalid_params", ())]
    return " ".join(dict.fromkeys(part for part in parts if part))


def perform(request: HttpRequest, work: Callable[[], object], done: Any) -> bool:
    """Run one service call; show ``done`` or the refusal; tell whether it was done."""
    try:
        work()
    except DomainError as error:
        messages.error(request, error_text(error))
        return False
    messages.success(request, done)
    return True


def action_done(request: HttpRequest, url: str) -> HttpResponse:
    """Leave an action for ``url``, also out of a dialog, which posts in the background."""
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)
