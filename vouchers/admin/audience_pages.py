"""The pages that make a list of an audience: from a file, or from a segment."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_protect
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
)

from campaigns.admin.editor_forms import choice_field
from campaigns.models import Campaign
from core import clock
from core.access.region_codes import region_chain
from core.access.roles import Principal, grants_permitting
from core.access.scope import scope_queryset
from core.admin.actions import error_text, staff_of
from core.errors import DomainError
from merchants.admin.imports import OVERHEAD_BYTES
from vouchers.admin.grant_upload import READ_BYTES, TEMPLATE, ListUploadHandler, channels_grantable
from vouchers.audiences.limits import MOST_DAYS
from vouchers.audiences.segments import segments
from vouchers.grants.limits import FILE_BYTES
from vouchers.models import Audience, AudienceSnapshot
from vouchers.services.audiences import ADD, list_start, segment_start

Start = Callable[[HttpRequest, Any], AudienceSnapshot]


def audiences_owned(user: Principal, kind: str) -> QuerySet[Audience]:
    """Return the audiences of a kind that the member of staff may give a list."""
    return scope_queryset(Audience.objects.filter(kind=kind), user, action=ADD)


def audiences_usable(user: Principal) -> QuerySet[Audience]:
    """Return the audiences that a campaign of the member of staff may name: own and from above."""
    rows = Audience.objects.order_by("name", "code")
    above = Q(pk__in=())
    for grant in grants_permitting(user, "vouchers.view_audience"):
        above |= Q(owner_region__in=region_chain(grant.region))
    own = scope_queryset(rows, user, action="vouchers.view_audience")
    return rows.filter(above | Q(pk__in=own.order_by().values("pk")))


def _row_field(label: Any, **options: Any) -> Any:
    return forms.ModelChoiceField(
        label=label, queryset=None, widget=UnfoldAdminSelectWidget, **options
    )


class ListForm(forms.Form):
    """Whose list, whether it is the whole of it, and the file."""

    audience: Any = _row_field(_("定向人群"), empty_label=None)
    mode = choice_field(
        _("更新方式"),
        (
            ("REPLACE", _("全量：文件即完整名单")),
            ("ADD", _("增补：在生效名单上增加")),
            ("REMOVE", _("剔除：从生效名单中去掉")),
        ),
    )
    file = forms.FileField(
        label=_("名单文件"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=_(
            "手机号人群一列：手机号；证件人群：证件号码，可另加一列证件类型，不填为居民身份证。"
            "CSV 不超过 64 MB，XLSX 不超过 60000 行，号码列设为文本格式"
        ),
    )

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        """Offer the audiences of the member of staff."""
        super().__init__(*args)
        self.fields["audience"].queryset = audiences_owned(  # type: ignore[attr-defined]
            request.user, Audience.Kind.LIST
        )

    def clean_file(self) -> Any:
        """Refuse what is too large before it is read."""
        file = self.cleaned_data["file"]
        if file.size > FILE_BYTES:
            limit = {"limit": FILE_BYTES >> 20}
            raise forms.ValidationError(gettext("文件超过 %(limit)s MB") % limit)
        return file


class SegmentForm(forms.Form):
    """Whose list, by what, and the parameters that this asks for."""

    audience: Any = _row_field(_("定向人群"), empty_label=None)
    segment = choice_field(_("筛选条件"), lambda: [(one.code, one.title) for one in segments()])
    campaign: Any = _row_field(_("活动"), required=False, to_field_name="code")
    client: Any = _row_field(_("渠道"), required=False, to_field_name="code")
    days = forms.IntegerField(
        label=_("天数"),
        required=False,
        min_value=1,
        max_value=MOST_DAYS,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("活动、渠道、天数按所选条件填写，其余留空"),
    )

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        """Offer what belongs to the member of staff."""
        super().__init__(*args)
        fields: Any = self.fields
        fields["audience"].queryset = audiences_owned(request.user, Audience.Kind.SEGMENT)
        fields["campaign"].queryset = scope_queryset(
            Campaign.objects.order_by("-created_at", "pk"), request.user, action=ADD
        )
        fields["campaign"].label_from_instance = lambda row: row.title
        fields["client"].queryset = channels_grantable(request.user)


def list_page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Show the form of a file, or take it and go to its list."""
    request.upload_handlers = [ListUploadHandler(request)]
    page = partial(_page, form_class=ListForm, start=_list_start, title=gettext("上传人群名单"))
    notes = [
        gettext("有一行错误即整份不采用，可下载错误清单；号码只以摘要保存，上传的文件用后即删。"),
        gettext("生成后由您提交，另一人复核同意一分钟后生效。"),
    ]
    response: HttpResponse = csrf_protect(page)(request, model_admin=model_admin, notes=notes)
    return response


def segment_page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Show the form of a segment, or evaluate it and go to its list."""
    notes = [
        gettext(
            "按提交时的数据筛选一次，结果固定为名单，以后数据变化不影响；可再次筛选生成下一期。"
        ),
        gettext("生成后由您提交，另一人复核同意一分钟后生效。"),
    ]
    return _page(
        request,
        model_admin=model_admin,
        form_class=SegmentForm,
        start=_segment_start,
        title=gettext("按条件生成名单"),
        notes=notes,
    )


def _page(
    request: HttpRequest,
    *,
    model_admin: Any,
    form_class: Any,
    start: Start,
    title: str,
    notes: list[str],
) -> HttpResponse:
    form = form_class(request, request.POST or None, request.FILES or None)
    if request.method == "POST":
        if int(request.META.get("CONTENT_LENGTH") or 0) > FILE_BYTES + OVERHEAD_BYTES:
            form.add_error(None, gettext("文件超过 %(limit)s MB") % {"limit": FILE_BYTES >> 20})
        elif form.is_valid():
            try:
                snapshot = start(request, form.cleaned_data)
            except DomainError as error:
                form.add_error(None, error_text(error))
            else:
                messages.success(request, gettext("已开始生成名单，结果见本页"))
                return HttpResponseRedirect(str(model_admin.change_url(snapshot)))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "opts": model_admin.model._meta,
        "form": form,
        "problems": [],
        "notes": notes,
        "list_url": model_admin.list_url(),
    }
    return TemplateResponse(request, TEMPLATE, context)


def _list_start(request: HttpRequest, values: Any) -> AudienceSnapshot:
    upload = values["file"]
    return list_start(
        audience_id=values["audience"].pk,
        name=upload.name,
        chunks=iter(partial(upload.read, READ_BYTES), b""),
        mode=values["mode"],
        actor=staff_of(request),
        now=clock.now(),
    )


def _segment_start(request: HttpRequest, values: Any) -> AudienceSnapshot:
    named = {name: row.code for name in ("campaign", "client") if (row := values[name])}
    return segment_start(
        audience_id=values["audience"].pk,
        segment=values["segment"],
        parameters={**named, "days": values["days"]},
        actor=staff_of(request),
        now=clock.now(),
    )
