"""Writing one statement file and recording it with its control totals."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import IO

from django.db.models import Max

from campaigns.models import Campaign
from core.jobs.files import job_file_write
from core.jobs.models import Job, JobFile
from core.transactions import transaction_joined
from redemption.settlement.models import Statement
from redemption.settlement.reports.sheets import Totals
from redemption.settlement.reports.statements import Subject

ROLE = "statement"


@dataclass(slots=True)
class StatementWriter:
    """Writes the statements of one campaign and day within a job."""

    job: Job
    campaign: Campaign
    day: date
    now: datetime
    files: int = 0

    def write(
        self, subject: Subject, form: Statement.Form, write: Callable[[IO[bytes]], Totals]
    ) -> Statement:
        """Write a file through ``write`` and record it: the next edition of its subject, or,
        when the job runs again, the one it made before.
        """
        parts = (subject.kind.value, subject.label, f"{self.day:%Y%m%d}")
        name = f"{'-'.join(part for part in parts if part)}.{form.value.lower()}"
        with job_file_write(job=self.job, role=ROLE, name=name, now=self.now) as stream:
            totals = write(stream)
        self.files += 1
        file = JobFile.objects.get(job=self.job, role=ROLE, name=name)
        return self._record(subject, form, file, totals)

    def _record(
        self, subject: Subject, form: Statement.Form, file: JobFile, totals: Totals
    ) -> Statement:
        values = {"row_count": totals.rows, "totals": totals.sums, "created_at": self.now}
        identity = {
            "kind": subject.kind,
            "form": form,
            "campaign": self.campaign,
            "acquirer": subject.acquirer,
            "funder": subject.funding.funder if subject.funding else None,
            "business_date": self.day,
        }
        with transaction_joined():
            known = Statement.objects.filter(file=file).first()
            if known is not None:
                Statement.objects.filter(pk=known.pk).update(**values)
                return known
            latest = Statement.objects.filter(**identity).aggregate(last=Max("edition"))["last"]
            return Statement.objects.create(
                **identity,
                **values,
                edition=(latest or 0) + 1,
                owner_region=self.campaign.owner_region,
                file=file,
            )
