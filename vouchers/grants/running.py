"""A whole grant: its undecided chunks in order, again after whatever broke it off.

Two lanes, each with a connection of its own, so that one prepares its commands while the other's
are written: the batch's row keeps their writing apart. Where the open quota may not reach everybody
there is one lane, and who stands first on the list comes first.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import F, Q, Sum

from core.approvals.errors import ConfigurationChangedError
from core.approvals.services import approval_is_unchanged
from core.audit.services import audit_record
from core.transactions import retry_conflicts, transaction
from vouchers.grants.chunks import chunk_grant
from vouchers.locks import grant_lock
from vouchers.models import Grant, QuotaSlice
from vouchers.states import GrantState, ReleaseState

RUN_S = 600.0
"""Shorter than a task may take; what is left is a task of its own."""
Clock = Callable[[], datetime]
Advance = Callable[[int], None]


@dataclass(slots=True)
class _Work:
    """The chunks that no lane has taken yet; ends early when time is up or a lane failed."""

    chunk_ids: Iterator[int]
    until: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    is_stopped: bool = False

    def next_chunk(self) -> int | None:
        with self.lock:
            if self.is_stopped or time.monotonic() >= self.until:
                return None
            return next(self.chunk_ids, None)


def grant_run(*, grant_id: UUID, now: Clock, advance: Advance) -> bool:
    """Grant everybody on an approved list who has no outcome yet; tells whether all have one.

    ``advance`` is told of people decided. Safe to run again after any end, also a killed one: a
    row's key gives its first claim again. False: ten minutes are over, call again.

    Raises:
        ConfigurationChangedError: the list is not what was approved.
        DomainError: ``infra.try_later``.
    """
    grant = Grant.objects.select_related("approval").get(pk=grant_id)
    if grant.state == GrantState.DONE:
        return True
    if grant.approval is None or not approval_is_unchanged(grant.approval):
        raise ConfigurationChangedError
    waiting = grant.chunks.filter(decided_at__isnull=True).order_by("number")
    work = _Work(iter(list(waiting.values_list("pk", flat=True))), time.monotonic() + RUN_S)
    if _lanes(grant) == 1:
        _lane(grant, work, now, advance)
    else:
        with ThreadPoolExecutor(2, thread_name_prefix="grant") as lanes:
            ends = [lanes.submit(_lane_apart, grant, work, now, advance) for _ in range(2)]
        for end in ends:
            end.result()
    return _finish(grant_id, now())


def _lane(grant: Grant, work: _Work, now: Clock, advance: Advance) -> None:
    try:
        while (chunk_id := work.next_chunk()) is not None:
            size = chunk_grant(grant=grant, chunk_id=chunk_id, now=now())
            with work.lock:
                advance(size)
    except BaseException:
        work.is_stopped = True
        raise


def _lane_apart(grant: Grant, work: _Work, now: Clock, advance: Advance) -> None:
    try:
        _lane(grant, work, now, advance)
    finally:
        connection.close()


def _lanes(grant: Grant) -> int:
    open_slices = QuotaSlice.objects.filter(
        Q(channel__isnull=True) | Q(channel=grant.client_id),
        release__batch=grant.batch_id,
        release__state=ReleaseState.OPEN,
    )
    free = open_slices.aggregate(units=Sum(F("planned") - F("issued")))["units"] or 0
    # What another connection would not see yet cannot be worked on by two.
    return 2 if free >= grant.people and not connection.in_atomic_block else 1


@retry_conflicts
def _finish(grant_id: UUID, now: datetime) -> bool:
    with transaction():
        grant = grant_lock(grant_id)
        if grant.state == GrantState.DONE:
            return True
        if grant.chunks.filter(decided_at__isnull=True).exists():
            return False
        grant.state, grant.finished_at = GrantState.DONE, now
        grant.save(update_fields=["state", "finished_at"])
        audit_record(
            action="grant.done",
            subject_type="vouchers.grant",
            subject_id=grant.pk,
            now=now,
            actor=None,
            owner_region=grant.owner_region,
            data={"people": grant.people, "granted": grant.granted, "refused": grant.refused},
        )
    return True
