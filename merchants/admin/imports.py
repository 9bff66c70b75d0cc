"""The upload page of a merchant list; the list goes straight into a sealed file and a job."""

from typing import Any

from django.contrib import messages
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect

from core import clock
from core.admin.actions import error_text, staff_of
from core.errors import DomainError
from merchants.admin.forms import ImportForm
from merchants.imports.columns import COLUMNS
from merchants.imports.limits import FILE_BYTES
from merchants.services import merchants_import_start

OVERHEAD_BYTES = 64 * 1024
TEMPLATE = "admin/merchants/import.html"


class InMemoryUploadHandler(MemoryFileUploadHandler):
    """Keeps an upload in memory: a list holds raw account numbers and must not touch the disk."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,  # noqa: N803 - Django's name
        content_length: int,
        boundary: Any,
        encoding: Any = None,
    ) -> None:
        """Take requests up to the limit; of a larger one the file is dropped."""
        self.activated = content_length <= self.most_bytes() + OVERHEAD_BYTES

    def most_bytes(self) -> int:
        """Return the limit; another page's handler has its own."""
        return FILE_BYTES

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Keep the data, or let it go."""
        return super().receive_data_chunk(raw_data, start) if self.activated else None


def import_page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Show the form, or start the import and go to its job's page."""
    request.upload_handlers = [InMemoryUploadHandler(request)]
    response: HttpResponse = csrf_protect(_page)(request, model_admin=model_admin)
    return response


def _page(request: HttpRequest, *, model_admin: Any) -> HttpResponse:
    form = ImportForm(request, request.POST or None, request.FILES or None)
    if request.method == "POST":
        if int(request.META.get("CONTENT_LENGTH") or 0) > FILE_BYTES + OVERHEAD_BYTES:
            form.add_error("file", _("文件超过 %(limit)s MB") % {"limit": FILE_BYTES >> 20})
        elif form.is_valid():
            try:
                return HttpResponseRedirect(_start(request, form, model_admin))
            except DomainError as error:
                form.add_error(None, error_text(error))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("导入收单机构商户表"),
        "opts": model_admin.model._meta,
        "form": form,
        "required": [column.title for column in COLUMNS if column.is_required],
        "optional": [column.title for column in COLUMNS if not column.is_required],
        "list_url": model_admin.list_url(),
    }
    return TemplateResponse(request, TEMPLATE, context)


def _start(request: HttpRequest, form: ImportForm, model_admin: Any) -> str:
    upload = form.cleaned_data["file"]
    job = merchants_import_start(
        acquirer=form.cleaned_data["acquirer"],
        owner_region=form.cleaned_data["owner_region"],
        name=upload.name,
        chunks=upload.chunks(),
        now=clock.now(),
        created_by=staff_of(request),
    )
    messages.success(request, _("已开始导入，进度与结果见任务页"))
    try:
        return reverse(f"{model_admin.admin_site.name}:core_job_change", args=(job.pk,))
    except NoReverseMatch:
        return str(model_admin.list_url())
