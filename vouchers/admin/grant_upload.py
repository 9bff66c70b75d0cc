"""The page that sends in a list for a grant: straight into a sealed file and a job."""

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
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from campaigns.states import OVER
from core import clock
from core.access.models import Client
from core.access.region_codes import region_chain, subtree_range
from core.access.roles import Principal, grants_permitting
from core.access.scope import scope_queryset
from core.admin.actions import error_text, staff_of
from core.errors import DomainError
from merchants.admin.imports import OVERHEAD_BYTES, InMemoryUploadHandler
from vouchers.grants.limits import FILE_BYTES
from vouchers.models import Batch
from vouchers.services.grants import grant_start

ADD = "vouchers.add_grant"
TEMPLATE = "admin/campaigns/upload.html"
READ_BYTES = 1 << 20


class ListUploadHandler(InMemoryUploadHandler):
    """Keeps a list in memory: a wrong one may hold anything and must not touch the disk."""

    def most_bytes(self) -> int:
        """Return the limit of a list of people."""
        return FILE_BYTES


def batches_grantable(user: Principal) -> QuerySet[Batch]:
    """Return the batches for which the member of staff may send in a list."""
    rows = Batch.objects.filter(version__isnull=False, pack__isnull=True).exclude(
        campaign__state__in=OVER
    )
    return scope_queryset(rows.select_related("campaign"), user, action=ADD)


def channels_grantable(user: Principal, action: str = ADD) -> QuerySet[Client]:
    """Return the channels that serve a region where the member of staff may do ``action``."""
    rows = Client.objects.filter(kind=Client.Kind.CHANNEL, is_active=True).order_by("name", "pk")
    served = Q(pk__in=())
    for grant in grants_permitting(user, action):
        served |= Q(owner_region__in=region_chain(grant.region))
        served |= Q(owner_region__range=subtree_range(grant.region))
    return rows.filter(served)


class GrantForm(forms.Form):
    """For which batch, to accounts of which channel, and the list."""

    batch: Any = forms.ModelChoiceField(
        label=_("券批次"), queryset=None, widget=UnfoldAdminSelectWidget, empty_label=None
    )
    client: Any = forms.ModelChoiceField(
        label=_("渠道"), queryset=None, widget=UnfoldAdminSelectWidget, empty_label=None
    )
    file = forms.FileField(
        label=_("名单文件"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=_(
            "一列：渠道用户号，或平台用户编号（per_ 开头）；CSV 不超过 64 MB，XLSX 不超过 60000 行"
        ),
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Offer the batches and channels of the member of staff."""
        super().__init__(*args, **kwargs)
        batch: Any = self.fields["batch"]
        batch.queryset = batches_grantable(request.user)
        batch.label_from_instance = lambda row: f"{row.campaign.title} · {row.name}"
        client: Any = self.fields["client"]
        client.queryset = channels_grantable(request.user)


def grant_page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Show the form, or take the list and go to its grant."""
    request.upload_handlers = [ListUploadHandler(request)]
    response: HttpResponse = csrf_protect(_page)(request, model_admin=model_admin)
    return response


def _page(request: HttpRequest, *, model_admin: Any) -> HttpResponse:
    form = GrantForm(request, request.POST or None, request.FILES or None)
    if request.method == "POST":
        if int(request.META.get("CONTENT_LENGTH") or 0) > FILE_BYTES + OVERHEAD_BYTES:
            form.add_error("file", gettext("文件超过 %(limit)s MB") % {"limit": FILE_BYTES >> 20})
        elif form.is_valid():
            try:
                return HttpResponseRedirect(_start(request, form, model_admin))
            except DomainError as error:
                form.add_error(None, error_text(error))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": gettext("新建定向发放"),
        "opts": model_admin.model._meta,
        "form": form,
        "problems": [],
        "notes": [
            gettext("名单校验后由您提交，另一人复核同意后才发放，每人一张。"),
            gettext(
                "无效的行（无此用户、其他渠道、重复）不发放，可下载清单；名单中不要有姓名、手机号或证件号。"
            ),
        ],
        "list_url": model_admin.list_url(),
    }
    return TemplateResponse(request, TEMPLATE, context)


def _start(request: HttpRequest, form: GrantForm, model_admin: Any) -> str:
    upload = form.cleaned_data["file"]
    grant = grant_start(
        batch_id=form.cleaned_data["batch"].pk,
        client_id=form.cleaned_data["client"].pk,
        name=upload.name,
        chunks=iter(partial(upload.read, READ_BYTES), b""),
        actor=staff_of(request),
        now=clock.now(),
    )
    messages.success(request, gettext("已开始校验名单，结果见本页"))
    return str(model_admin.change_url(grant))
