"""投放预测 on the campaign's page and on the approval's: asked for with a form, run as a job."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from campaigns.admin.campaigns import CampaignAdmin
from campaigns.models import Campaign
from campaigns.services.drafts import VERSION_KIND
from core import clock
from core.access.roles import may
from core.access.scope import scope_queryset
from core.admin.actions import error_text, staff_of
from core.admin.attachments import attachment_register
from core.admin.buttons import button
from core.approvals.models import Approval
from core.errors import DomainError
from core.jobs.downloads import FILE_SCOPE
from core.jobs.models import Job, JobFile
from redemption.forecast.chart import burn_down
from redemption.forecast.job import (
    ASK,
    READ,
    UNFINISHED,
    forecast_for,
    forecast_of_job,
    forecast_request,
    forecasts_of,
)
from redemption.forecast.parameters import (
    MOST_SEED,
    PARAMETERS,
    SCALE_TITLE,
    SEED,
    parameter_words,
)
from redemption.forecast.result import Forecast
from redemption.forecast.sampling import MOST_SCALE
from redemption.forecast.services import configuration_hash
from redemption.forecast.sheets import forecast_sheets
from redemption.forecast.table import cell_words
from redemption.forecast.words import forecast_notes
from redemption.settlement.reports.sheets import Sheet

TEMPLATE = "admin/redemption/forecast.html"
STATES = ("DRAFT", "SUBMITTED", "APPROVED", "LIVE", "PAUSED")
KEPT = 10
REFRESH_S = 2


class ForecastForm(forms.Form):
    """Seed, scale, and every parameter of the model with its bounds and source."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Make one field per parameter."""
        super().__init__(*args, **kwargs)
        self.fields["seed"] = _field(_("随机种子"), SEED, 0, MOST_SEED, _("同一种子结果相同"))
        self.fields["scale"] = _field(SCALE_TITLE, 0, 0, MOST_SCALE, "")
        for one in PARAMETERS:
            words = parameter_words(one)
            label = f"{words['title']}（{words['unit']}）"
            helps = f"{words['name']}，{words['range']}；{words['source']}"
            self.fields[one.name] = _field(label, one.default, one.least, one.most, helps)

    def main_fields(self) -> list[forms.BoundField]:
        """Return what everybody sees."""
        return [self["seed"], self["scale"]]

    def model_fields(self) -> list[forms.BoundField]:
        """Return the parameters of the model."""
        return [self[one.name] for one in PARAMETERS]

    def values(self) -> dict[str, int]:
        """Return the parameters as they were sent."""
        return {one.name: self.cleaned_data[one.name] for one in PARAMETERS}


def _field(label: Any, initial: int, least: int, most: int, helps: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        initial=initial,
        min_value=least,
        max_value=most,
        help_text=helps,
        widget=UnfoldAdminIntegerFieldWidget,
    )


class CampaignForecastAdmin(CampaignAdmin):
    """The campaign's page with what this room adds to it: the forecast."""

    actions_detail = (*CampaignAdmin.actions_detail, "forecast")
    has_forecast_permission = button(READ, *STATES)

    @action(description=gettext_lazy("投放预测"), icon="query_stats", permissions=["forecast"])
    def forecast(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the last forecasts, and ask for one of the draft."""
        campaign: Campaign = self.object_or_404(request, object_id)
        if request.method == "POST" and not _may_ask(request, campaign):
            raise PermissionDenied
        form = ForecastForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                job = forecast_request(
                    campaign_id=campaign.pk,
                    parameters=form.values(),
                    seed=form.cleaned_data["seed"],
                    scale=form.cleaned_data["scale"],
                    actor=staff_of(request),
                    now=clock.now(),
                )
            except DomainError as error:
                _say(form, error)
            else:
                return HttpResponseRedirect(f"{request.path}?job={job.pk}")
        return _page(self, request, campaign, form)


def _may_ask(request: HttpRequest, campaign: Campaign) -> bool:
    return may(staff_of(request), ASK, campaign.owner_region)


def _say(form: ForecastForm, error: DomainError) -> None:
    named = [param for param in error.invalid_params if param.name in form.fields]
    for param in named:
        form.add_error(param.name, param.reason)
    if not named:
        form.add_error(None, error_text(error))


def _page(
    page: CampaignForecastAdmin, request: HttpRequest, campaign: Campaign, form: ForecastForm
) -> HttpResponse:
    jobs = list(forecasts_of(campaign).select_related("created_by")[:KEPT])
    wanted = request.GET.get("job", "")
    shown = next((job for job in jobs if str(job.pk) == wanted), jobs[0] if jobs else None)
    present = configuration_hash(campaign.draft) if campaign.draft else ""
    found = forecast_of_job(shown) if shown else None
    context = {
        **page.admin_site.each_context(request),
        "title": _("投放预测：%(title)s") % {"title": campaign.title},
        "opts": Campaign._meta,
        "form": form if _may_ask(request, campaign) else None,
        "campaign_url": page.change_url(campaign),
        "jobs": [(job, job.params["config_hash"] == present) for job in jobs],
        "job": shown,
        "outdated": shown is not None and shown.params["config_hash"] != present,
        "waiting": shown is not None and shown.state in UNFINISHED,
        "files": _files(request, shown),
        **(_shown(found) if found else {}),
    }
    response = TemplateResponse(request, TEMPLATE, context)
    if context["waiting"] and not form.is_bound:
        response["Refresh"] = str(REFRESH_S)
    return response


def _files(request: HttpRequest, job: Job | None) -> list[JobFile]:
    """Return the files that may be downloaded: of the own region, and organisation."""
    if job is None:
        return []
    files = JobFile.objects.filter(job=job)
    return list(scope_queryset(files, request.user, FILE_SCOPE, action=READ).order_by("pk"))


def _shown(forecast: Forecast) -> dict[str, Any]:
    return {
        "notes": forecast_notes(forecast),
        "charts": [(batch.name, burn_down(batch)) for batch in forecast.batches],
        "tables": [_table(sheet) for sheet in forecast_sheets(forecast)],
    }


def _table(sheet: Sheet) -> dict[str, Any]:
    rows = list(sheet.rows)
    return {
        "caption": sheet.name,
        "columns": [column.title for column in sheet.columns],
        "rows": [
            [
                (cell_words(value, column), isinstance(value, int))
                for value, column in zip(row, sheet.columns, strict=True)
            ]
            for row in rows
        ],
    }


def approval_forecast(request: HttpRequest, approval: Approval) -> SafeString | str:
    """Say which forecast there is of what is to be approved, linked for who may open it."""
    page: Any = admin.site._registry[Campaign]
    campaign = page.get_object(request, approval.subject_id)
    if campaign is None or not campaign.draft:
        return "-"
    job, same = forecast_for(approval, campaign)
    if job is None:
        said, note = _("尚无投放预测"), ""
    else:
        at = date_format(localtime(job.created_at), "DATETIME_FORMAT")
        said = _("投放预测（%(at)s）") % {"at": at}
        note = _("与本次审批内容一致") if same else _("方案已改动，该预测不是本次审批的内容")
    if page.has_forecast_permission(request, campaign.pk):
        url = reverse("admin:campaigns_campaign_forecast", args=(campaign.pk,))
        query = f"?job={job.pk}" if job else ""
        said = format_html('<a class="xfq-link" href="{}{}">{}</a>', url, query, said)
    return format_html("{} {}", said, note)


attachment_register(VERSION_KIND, approval_forecast)
admin.site.unregister(Campaign)
admin.site.register(Campaign, CampaignForecastAdmin)
