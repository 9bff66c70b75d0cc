"""The job that forecasts a campaign's configuration, and where its last forecasts are."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from campaigns.definition.document import definition_stored
from campaigns.models import Campaign
from core import clock
from core.access.models import User
from core.access.roles import assert_may
from core.approvals.models import Approval
from core.approvals.services import approval_is_unchanged
from core.errors import DomainError
from core.jobs.errors import JobFileChangedError
from core.jobs.files import job_file_path, job_file_write
from core.jobs.models import Job
from core.jobs.progress import Progress
from core.jobs.registry import JobKind
from core.jobs.services import job_create
from core.transactions import transaction_read_only
from redemption.forecast.reading import definition_of_hash
from redemption.forecast.result import Forecast, forecast_read
from redemption.forecast.services import configuration_hash, forecast_check, forecast_make
from redemption.forecast.sheets import forecast_sheets
from redemption.settlement.reports.sheets import xlsx_sheets_write

KIND: Final = "campaign.forecast"
READ: Final = "campaigns.view_campaign"
ASK: Final = "campaigns.forecast_campaign"
JSON_ROLE: Final = "result"
XLSX_ROLE: Final = "report"
UNFINISHED = (Job.State.QUEUED, Job.State.RUNNING)


def forecast_request(
    *,
    campaign_id: UUID,
    parameters: Mapping[str, int],
    seed: int,
    scale: int,
    actor: User,
    now: datetime,
) -> Job:
    """Queue a forecast of the campaign's draft as it is now; the same question waits only once.

    Raises:
        InvalidParametersError: a parameter, the seed or the scale is out of bounds.
        DomainError: ``access.not_found``, ``access.permission_denied``.
    """
    with transaction_read_only():
        campaign = Campaign.objects.filter(pk=campaign_id).first()
    if campaign is None or not campaign.draft:
        raise DomainError("access.not_found")
    assert_may(actor, ASK, campaign.owner_region)
    definition = definition_stored(campaign.draft)
    values = forecast_check(definition, parameters=parameters, seed=seed, scale=scale)
    params = {
        "campaign_id": str(campaign.pk),
        "config_hash": configuration_hash(campaign.draft),
        "seed": seed,
        "scale": scale,
        "parameters": values,
    }
    waiting = forecasts_of(campaign).filter(state__in=UNFINISHED, params=params).first()
    return waiting or job_create(
        kind=KIND,
        params=params,
        owner_region=campaign.owner_region,
        created_by=actor,
        now=now,
        title=_("投放预测：%(title)s") % {"title": campaign.title},
    )


def forecast_run(job: Job, progress: Progress) -> Mapping[str, Any]:
    """Forecast and write both files; run again it replaces what it wrote.

    Raises:
        DomainError: ``approval.configuration_changed`` if what was asked about is gone.
    """
    params = job.params
    definition = definition_of_hash(UUID(params["campaign_id"]), params["config_hash"])

    def told(done: int, total: int) -> None:
        if progress.total != total:
            progress.start(total, _("正在推演"))
        progress.advance(done - progress.done)

    forecast = forecast_make(
        definition,
        parameters=params["parameters"],
        seed=params["seed"],
        scale=params["scale"],
        told=told,
    )
    _files_write(job, forecast)
    return {
        "config_hash": forecast.config_hash,
        "scale": forecast.sample.scale,
        "claimed": forecast.total("claimed"),
        "redeemed": forecast.total("redeemed"),
    }


FORECAST = JobKind(kind=KIND, title="投放预测", runner=forecast_run, action=READ)


def forecasts_of(campaign: Campaign) -> QuerySet[Job]:
    """Return the campaign's forecasts, the newest first."""
    jobs = Job.objects.filter(
        kind=KIND, owner_region=campaign.owner_region, params__campaign_id=str(campaign.pk)
    )
    return jobs.order_by("-created_at", "-pk")


def forecast_for(approval: Approval, campaign: Campaign) -> tuple[Job | None, bool]:
    """Return the last forecast done of exactly what an approval of a version is about, and True.

    Where there is none, or what was submitted is there no more, the campaign's last one and False.
    """
    done = forecasts_of(campaign).filter(state=Job.State.DONE)
    version = campaign.versions.filter(approval=approval).first()
    if version is not None or approval_is_unchanged(approval):
        document = version.document if version else campaign.draft
        exact = done.filter(params__config_hash=configuration_hash(document)).first()
        if exact is not None:
            return exact, True
    return done.first(), False


def forecast_of_job(job: Job) -> Forecast | None:
    """Return what a job found; None while it has not, or where its file cannot be read as such."""
    file = job.files.filter(role=JSON_ROLE).first()
    if job.state != Job.State.DONE or file is None:
        return None
    try:
        return forecast_read(json.loads(job_file_path(file).read_bytes()))
    except (JobFileChangedError, msgspec.ValidationError):
        return None


def _files_write(job: Job, forecast: Forecast) -> None:
    now = clock.now()
    name = f"forecast-{forecast.campaign}-{forecast.seed}"
    with job_file_write(job=job, role=JSON_ROLE, name=f"{name}.json", now=now) as stream:
        stream.write(json.dumps(forecast.plain(), ensure_ascii=False, indent=2).encode())
    with job_file_write(job=job, role=XLSX_ROLE, name=f"{name}.xlsx", now=now) as stream:
        # The time in the file is that of the question: the same one gives the same bytes.
        xlsx_sheets_write(stream, forecast_sheets(forecast), now=job.created_at)
