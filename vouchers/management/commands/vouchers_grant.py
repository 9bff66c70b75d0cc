"""``manage.py vouchers_grant FILE --batch … --client … --maker …``: submit a list of people."""

from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import clock
from core.access.models import Client, User
from core.errors import DomainError
from core.ids import from_public
from core.jobs.services import job_run
from vouchers.models import Batch, Grant
from vouchers.services.grants import grant_start, grant_submit
from vouchers.states import GrantState

READ_BYTES = 1 << 20


class Command(BaseCommand):
    """Check a list at once and submit it for approval; nobody gets anything before that."""

    help = "Send in a list of people for a batch, check it, and submit it for approval."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", type=Path, help="CSV or XLSX, one column: account or person id")
        parser.add_argument("--batch", required=True, help="CAMPAIGN/BATCH by code, or bat_…")
        parser.add_argument("--client", required=True, help="code of the channel")
        parser.add_argument("--maker", required=True, help="user name of the maker")
        parser.add_argument("--reason", default="", help="note for the checker")

    def handle(self, *args: Any, **options: Any) -> None:
        """Send in, check, submit; say what was found and what waits."""
        batch_id = _batch_id(options["batch"])
        client = Client.objects.filter(code=options["client"]).first()
        maker = User.objects.filter(username=options["maker"]).first()
        for name, row in (("batch", batch_id), ("client", client), ("maker", maker)):
            if row is None:
                raise CommandError(f"no such {name}: {options[name]}")
        try:
            grant = self._checked(options["file"], batch_id, client, maker)
            if grant.state != GrantState.DRAFT:
                raise CommandError("nothing to grant")
            approval = grant_submit(
                grant_id=grant.pk, actor=grant.created_by, now=clock.now(), reason=options["reason"]
            )
        except DomainError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from error
        self.stdout.write(f"grant {grant.pk}: {grant.people} of {grant.rows} rows")
        self.stdout.write(f"approval {approval.pk} waits for another person")

    def _checked(self, path: Path, batch_id: Any, client: Any, maker: Any) -> Grant:
        with path.open("rb") as stream:
            grant = grant_start(
                batch_id=batch_id,
                client_id=client.pk,
                name=path.name,
                chunks=iter(partial(stream.read, READ_BYTES), b""),
                actor=maker,
                now=clock.now(),
            )
        if grant.check_job is not None:
            job = job_run(job_id=grant.check_job.pk, now=clock.now())
            for file in job.files.all() if job else ():
                self.stdout.write(f"{file.name}: {file.path}")
            self.stdout.write(job.message if job else "")
        grant.refresh_from_db()
        return grant


def _batch_id(text: str) -> UUID | None:
    campaign, _slash, code = text.partition("/")
    if code:
        found = Batch.objects.filter(campaign__code=campaign, code=code).first()
        return found.pk if found else None
    return from_public("bat", text)
