"""Pages of the settlement lists that have a form of their own."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from core import clock
from core.admin.actions import error_text, staff_of
from core.errors import DomainError
from redemption.admin.settlement.forms import (
    AcquirerFileForm,
    BuildForm,
    CampaignReportForm,
    FileForm,
    StatementsForm,
)
from redemption.settlement.recon.bank_file import COLUMNS, bank_file_import
from redemption.settlement.recon.importing import recon_file_import
from redemption.settlement.reports.campaign_job import campaign_report_request
from redemption.settlement.reports.day_job import statements_request
from redemption.settlement.services.build import (
    EVERYTHING_DAYS,
    LOOK_BACK_DAYS,
    settlement_build,
)

TEMPLATE = "admin/redemption/form_page.html"
Work = Callable[[dict[str, Any]], str]


def build_page(admin: Any, request: HttpRequest) -> HttpResponse:
    """Build one batch."""

    def work(data: dict[str, Any]) -> str:
        batch = settlement_build(
            campaign_id=data["campaign"].pk,
            acquirer_id=data["acquirer"].pk,
            day=data["day"],
            now=clock.now(),
            actor=staff_of(request),
            look_back_days=EVERYTHING_DAYS if data["everything"] else LOOK_BACK_DAYS,
        )
        if batch is None:
            messages.warning(request, _("没有可结算的明细，或该日批次已生成"))
            return str(admin.list_url())
        messages.success(request, _("已生成：%(code)s") % {"code": batch.code})
        return str(admin.change_url(batch))

    notes = [_("每日 01:00 自动生成；此处用于驳回后重做或补做。日切之后才能生成。")]
    return form_page(admin, request, BuildForm, work, title=_("生成结算批次"), notes=notes)


def statements_page(admin: Any, request: HttpRequest) -> HttpResponse:
    """Queue the statements of a day."""

    def work(data: dict[str, Any]) -> str:
        statements_request(
            campaign_id=data["campaign"].pk,
            day=data["day"],
            actor=staff_of(request),
            now=clock.now(),
        )
        messages.success(request, _("已提交，生成后列在本页"))
        return str(admin.list_url())

    notes = [_("每日 02:00 自动生成；再次生成为下一版次。")]
    return form_page(admin, request, StatementsForm, work, title=_("生成结算单"), notes=notes)


def campaign_report_page(admin: Any, request: HttpRequest) -> HttpResponse:
    """Queue a 活动战报."""

    def work(data: dict[str, Any]) -> str:
        now = clock.now()
        campaign_report_request(
            campaign_id=data["campaign"].pk,
            as_of=now,
            actor=staff_of(request),
            now=now,
            scale=data["scale"],
        )
        messages.success(request, _("已提交，生成后列在本页"))
        return str(admin.list_url())

    notes = [_("统计截至提交时；生成一页可打印的网页和一个 XLSX。")]
    return form_page(admin, request, CampaignReportForm, work, title=_("生成活动战报"), notes=notes)


def acquirer_file_page(admin: Any, request: HttpRequest) -> HttpResponse:
    """Import an acquirer's detail file and match its day."""

    def work(data: dict[str, Any]) -> str:
        file = recon_file_import(
            acquirer_id=data["acquirer"].pk,
            source=data["file"].file,
            name=data["file"].name,
            actor=staff_of(request),
            now=clock.now(),
        )
        messages.success(request, _("已导入 %(rows)s 笔并完成比对") % {"rows": file.row_count})
        return str(admin.change_url(file))

    notes = [
        _("银联商户明细（ZM）格式，GBK 编码；控制合计与明细不符则整个文件不导入。"),
        _("同一文件再次导入不产生变化；无交易日须有合计为零的文件。"),
    ]
    return form_page(
        admin, request, AcquirerFileForm, work, title=_("导入收单机构对账文件"), notes=notes
    )


def bank_file_page(admin: Any, request: HttpRequest) -> HttpResponse:
    """Import the bank's results."""

    def work(data: dict[str, Any]) -> str:
        _file, new = bank_file_import(
            source=data["file"].file,
            name=data["file"].name,
            actor=staff_of(request),
            now=clock.now(),
        )
        messages.success(request, _("已登记 %(count)s 笔银行结果") % {"count": new})
        return str(admin.list_url())

    notes = [
        _("CSV，UTF-8 或 GB18030 编码；表头：%(columns)s；结果为成功、退汇或失败。")
        % {"columns": "、".join(COLUMNS)},
        _("最后一行为“合计,笔数,金额”；有一处错误则整个文件不导入。"),
    ]
    return form_page(admin, request, FileForm, work, title=_("导入银行结果"), notes=notes)


def form_page(
    admin: Any,
    request: HttpRequest,
    form_class: Callable[..., forms.Form],
    work: Work,
    *,
    title: str,
    notes: Sequence[str],
) -> HttpResponse:
    """Show a form; run ``work`` on its data and go where it says, or show its refusal."""
    form = form_class(request, request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            return HttpResponseRedirect(work(form.cleaned_data))
        except DomainError as error:
            form.add_error(None, error_text(error))
    context = {
        **admin.admin_site.each_context(request),
        "title": title,
        "opts": admin.model._meta,
        "form": form,
        "notes": notes,
        "list_url": admin.list_url(),
    }
    return TemplateResponse(request, TEMPLATE, context)
