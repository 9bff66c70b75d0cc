"""The job that writes all statements of a campaign's business date, XLSX and CSV each."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import IO, Any
from uuid import UUID

from django.utils.translation import gettext as _

from campaigns.models import Campaign
from core import clock
from core.access.models import User
from core.access.roles import assert_may
from core.errors import DomainError
from core.jobs.models import Job
from core.jobs.progress import Progress
from core.jobs.registry import JobKind
from core.jobs.services import job_create
from redemption.settlement.models import Statement
from redemption.settlement.reports.sheets import (
    Sheet,
    Totals,
    csv_sheet_chunks,
    xlsx_sheets_write,
)
from redemption.settlement.reports.statements import Subject, sheets_of, subjects_of_day
from redemption.settlement.reports.writer import StatementWriter

KIND = "settlement.statements"
ACTION = "redemption.view_statement"


def statements_request(*, campaign_id: UUID, day: date, actor: User | None, now: datetime) -> Job:
    """Queue the statements of a business date; a later run makes the next edition.

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
        params={"campaign_id": str(campaign.pk), "business_date": day.isoformat()},
        owner_region=campaign.owner_region,
        created_by=actor,
        now=now,
        title=_("结算单：%(title)s %(day)s") % {"title": campaign.title, "day": day},
    )


def statements_run(job: Job, progress: Progress) -> Mapping[str, Any]:
    """Write the files; run again it replaces what it wrote."""
    campaign = Campaign.objects.get(pk=job.params["campaign_id"])
    day = date.fromisoformat(job.params["business_date"])
    now = clock.now()
    subjects = subjects_of_day(campaign, day)
    progress.start(len(subjects), _("正在生成结算单"))
    writer = StatementWriter(job, campaign, day, now)
    for subject in subjects:
        _write(writer, subject)
        progress.advance()
    progress.message = _("已生成 %(count)s 个文件") % {"count": writer.files}
    return {"files": writer.files}


STATEMENTS = JobKind(kind=KIND, title="结算单", runner=statements_run, action=ACTION)


def _write(writer: StatementWriter, subject: Subject) -> None:
    def sheets() -> list[Sheet]:
        return sheets_of(writer.campaign, writer.day, subject, writer.now)

    def xlsx(stream: IO[bytes]) -> Totals:
        return xlsx_sheets_write(stream, sheets(), now=writer.now)[0]

    def text(stream: IO[bytes]) -> Totals:
        totals = Totals()
        for chunk in csv_sheet_chunks(sheets()[0], totals):
            stream.write(chunk)
        return totals

    writer.write(subject, Statement.Form.XLSX, xlsx)
    writer.write(subject, Statement.Form.CSV, text)
