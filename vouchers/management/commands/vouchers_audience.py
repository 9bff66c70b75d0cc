"""``manage.py vouchers_audience FILE --audience … --maker …``: submit a list of an audience."""

from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import clock
from core.access.models import User
from core.errors import DomainError
from core.jobs.services import job_run
from vouchers.models import Audience, AudienceSnapshot
from vouchers.services.audiences import list_start, snapshot_submit
from vouchers.states import SnapshotState

READ_BYTES = 1 << 20


class Command(BaseCommand):
    """Make a list at once and submit it for approval; it counts after that."""

    help = "Send in a list of document or mobile numbers for an audience and submit it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", type=Path, help="CSV or XLSX of numbers")
        parser.add_argument("--audience", required=True, help="code of the audience")
        parser.add_argument(
            "--mode", default="REPLACE", choices=AudienceSnapshot.Mode.values, help="what it does"
        )
        parser.add_argument("--maker", required=True, help="user name of the maker")
        parser.add_argument("--reason", default="", help="note for the checker")

    def handle(self, *args: Any, **options: Any) -> None:
        """Send in, make, submit; say what was found and what waits."""
        audience = Audience.objects.filter(code=options["audience"]).first()
        maker = User.objects.filter(username=options["maker"]).first()
        for name, row in (("audience", audience), ("maker", maker)):
            if row is None:
                raise CommandError(f"no such {name}: {options[name]}")
        try:
            snapshot = self._made(options, audience, maker)
            if snapshot.state != SnapshotState.DRAFT:
                raise CommandError("the list was not taken")
            approval = snapshot_submit(
                snapshot_id=snapshot.pk,
                actor=snapshot.created_by,
                now=clock.now(),
                reason=options["reason"],
            )
        except DomainError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from error
        self.stdout.write(f"list {snapshot.number}: {snapshot.members} members")
        self.stdout.write(f"approval {approval.pk} waits for another person")

    def _made(self, options: dict[str, Any], audience: Any, maker: Any) -> AudienceSnapshot:
        with options["file"].open("rb") as stream:
            snapshot = list_start(
                audience_id=audience.pk,
                name=options["file"].name,
                chunks=iter(partial(stream.read, READ_BYTES), b""),
                mode=options["mode"],
                actor=maker,
                now=clock.now(),
            )
        if snapshot.check_job is not None:
            job = job_run(job_id=snapshot.check_job.pk, now=clock.now())
            for file in job.files.all() if job else ():
                self.stdout.write(f"{file.name}: {file.path}")
            self.stdout.write(job.message if job else "")
        snapshot.refresh_from_db()
        return snapshot
