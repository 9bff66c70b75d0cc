"""Lists of people for a grant, sent in by a maker, checked by the real job, agreed to."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from core.access.models import Client, Role, User
from core.ids import to_public
from core.jobs.models import Job
from core.jobs.services import job_run
from tests.factories.approvals import approve
from tests.factories.campaigns import OPENED_AT
from tests.factories.persons import enrolments_make
from tests.factories.staff import staff_make
from vouchers.models import Batch, Enrolment, Grant
from vouchers.services.grants import grant_start, grant_submit


def people_make(client: Client, count: int) -> list[Enrolment]:
    """Return new accounts of a channel."""
    return enrolments_make(client, count)


def public_ids(people: Iterable[Enrolment]) -> list[str]:
    """Return the ids of accounts as the API spells them."""
    return [to_public("per", person.pk) for person in people]


def grant_made(
    batch: Batch,
    client: Client,
    lines: Sequence[str],
    *,
    maker: User | None = None,
    now: datetime = OPENED_AT,
) -> Grant:
    """Return the grant of a CSV with these lines, after its check."""
    grant = grant_start(
        batch_id=batch.pk,
        client_id=client.pk,
        name="困难群众名单.csv",
        chunks=["\n".join(lines).encode()],
        actor=maker or staff_make(Role.CAMPAIGN_MAKER),
        now=now,
    )
    assert grant.check_job is not None
    job_run(job_id=grant.check_job.pk, now=now)
    grant.refresh_from_db()
    return grant


def grant_agreed(grant: Grant, *, now: datetime = OPENED_AT) -> UUID:
    """Submit a checked grant, let another person agree; return the id of its job, which waits."""
    approve(grant_submit(grant_id=grant.pk, actor=grant.created_by, now=now), now=now)
    grant.refresh_from_db()
    assert grant.job_id is not None
    return grant.job_id


def grant_done(grant: Grant, *, now: datetime = OPENED_AT) -> Job:
    """Submit, agree and run; return the job."""
    job = job_run(job_id=grant_agreed(grant, now=now), now=now)
    assert job is not None
    grant.refresh_from_db()
    return job
