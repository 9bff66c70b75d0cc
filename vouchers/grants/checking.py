"""The check of a list, from its file to the chunks of a draft; all in one transaction."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID

from core.jobs.models import Job
from core.transactions import transaction
from vouchers.grants.reading import ListRow, list_rows
from vouchers.grants.reports import faults_write
from vouchers.grants.staging import list_stage, people_digest
from vouchers.locks import grant_lock
from vouchers.models import Grant
from vouchers.states import GRANT_STATES, GrantState

STATEMENT_TIMEOUT_MS = 300_000
ADVANCE_ROWS = 1_000


def list_check(
    *,
    grant_id: UUID,
    path: Path,
    job: Job,
    now: datetime,
    advance: Callable[[int], None],
) -> Grant:
    """Find the people of a list; it becomes a draft, or is refused if it names nobody.

    Rows that name nobody, an account of another channel or a person again are left out and
    written to a file of ``job``. ``advance`` is told of rows read.

    Raises:
        ImportFileRefusedError: the file cannot be read as a list.
        IntegrityError: constraint ``grant_list_once``: these very people were granted this batch.
    """
    with transaction(statement_timeout_ms=STATEMENT_TIMEOUT_MS):
        grant = grant_lock(grant_id)
        staged = list_stage(grant=grant, rows=_counted(list_rows(path), advance))
        if staged.people < staged.rows:
            faults_write(job=job, now=now)
        target = GrantState.DRAFT if staged.people else GrantState.REFUSED
        GRANT_STATES.assert_transition(grant.state, target)
        grant.state, grant.rows, grant.people = target, staged.rows, staged.people
        grant.people_sha256 = people_digest(grant.pk)
        grant.save(update_fields=["state", "rows", "people", "people_sha256"])
    return grant


def _counted(rows: Iterable[ListRow], advance: Callable[[int], None]) -> Iterator[ListRow]:
    count = 0
    for row in rows:
        count += 1
        if count % ADVANCE_ROWS == 0:
            advance(ADVANCE_ROWS)
        yield row
    advance(count % ADVANCE_ROWS)
