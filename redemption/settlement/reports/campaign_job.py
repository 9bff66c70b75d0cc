"""The job that writes a campaign's 活动战报 as a printable page and a workbook."""

from collections.abc import Mapping
from datetime import datetime
from typing import IO, Any
from uuid import UUID

from django.utils.translation import gettext as _

from campaigns.models import Campaign
from core import clock
from core.access.models import User
from core.access.roles import assert_may
from core.clock import TIME_ZONE
from core.errors import DomainError
from core.jobs.models import Job
from core.jobs.progress import Progress
from core.jobs.registry import JobKind
from core.jobs.services import job_create
from redemption.settlement.models import Statement
from redemption.settlement.reports.campaign import campaign_report, report_html, report_sheets
from redemption.settlement.reports.sheets import Totals, xlsx_sheets_write
from redemption.settlement.reports.statements import Subject
from redemption.settlement.reports.writer import StatementWriter

KIND = "settlement.campaign_report"
ACTION = "redemption.view_statement"


def campaign_report_request(
    *,
    campaign_id: UUID,
    as_of: datetime,
    actor: User | None,
    now: datetime,
    scale: int | None = None,
) -> Job:
    """Queue a 活动战报 of everything before ``as_of``; ``scale`` puts published figures beside.

    Raises:
        DomainError: ``access.not_found``, ``access.permission_denied``.
    """
    campaign = Campaign.objects.filter(pk=campaign_id).first()
    if campaign is None:
        raise DomainError("access.not_found")
    if actor is not None:
        assert_may(actor, ACTION, campaign.owner_region)
    return job_create(
        kind=KIND,
        params={"campaign_id": str(campaign.pk), "as_of": as_of.isoformat(), "scale": scale},
        owner_region=campaign.owner_region,
        created_by=actor,
        now=now,
        title=_("活动战报：%(title)s") % {"title": campaign.title},
    )


def campaign_report_run(job: Job, progress: Progress) -> Mapping[str, Any]:
    """Write both files; run again it replaces what it wrote."""
    campaign = Campaign.objects.select_related("version").get(pk=job.params["campaign_id"])
    as_of = datetime.fromisoformat(job.params["as_of"])
    now = clock.now()
    progress.start(2, _("正在统计"))
    report = campaign_report(
        campaign=campaign,
        as_of=as_of,
        author=str(job.created_by) if job.created_by else "",
        scale=job.params["scale"],
    )
    writer = StatementWriter(job, campaign, as_of.astimezone(TIME_ZONE).date(), now)
    subject = Subject(Statement.Kind.CAMPAIGN)

    def page(stream: IO[bytes]) -> Totals:
        stream.write(report_html(report).encode())
        return Totals(rows=len(report.figures))

    def book(stream: IO[bytes]) -> Totals:
        return xlsx_sheets_write(stream, report_sheets(report), now=now)[0]

    writer.write(subject, Statement.Form.HTML, page)
    progress.advance()
    writer.write(subject, Statement.Form.XLSX, book)
    progress.advance()
    progress.message = _("已生成 %(count)s 个文件") % {"count": writer.files}
    return {"files": writer.files}


CAMPAIGN_REPORT = JobKind(kind=KIND, title="活动战报", runner=campaign_report_run, action=ACTION)
