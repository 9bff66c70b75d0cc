"""Write audit events, chain them by hash, verify the chain.

Events are written in the transaction of the change they record. One writer chains them afterwards,
so nothing on a hot path waits for the chain; ledger postings enter it as one digest per interval.
"""

import hashlib
import time
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise

from django.db import connections, transaction

from core.access.models import User
from core.audit import sql
from core.audit.models import AuditEvent, AuditLink
from core.canonical import to_plain_object
from core.clock import wall

GENESIS = "0" * 64
EVENTS_PER_RUN = 5_000
POSTINGS_PER_LINK = 100_000


def audit_record(
    *,
    action: str,
    subject_type: str,
    subject_id: object,
    now: datetime,
    actor: User | None = None,
    owner_region: str = "",
    reason: str = "",
    data: Mapping[str, object] | None = None,
) -> AuditEvent:
    """Record what ``actor`` (None: the system) did to a subject, within the caller's transaction.

    ``action`` is a stable dotted name (``approval.agree``), ``data`` old and new values without
    floats and without raw personal data; ``now`` is business time, the real time is added here.
    """
    return AuditEvent.objects.create(
        at=now,
        recorded_at=wall(),
        actor=actor,
        action=action,
        subject_type=subject_type,
        subject_id=str(subject_id),
        owner_region=owner_region,
        reason=reason,
        data=to_plain_object(data or {}),
    )


def audit_chain_append() -> int:
    """Chain events that are not yet chained and digest new postings; returns the links written.

    One writer at a time: a second one finds the lock taken and writes nothing.
    """
    # Before the first write, so that the wait sees only other transactions.
    boundary = _settled_posting()
    with transaction.atomic(), connections["default"].cursor() as cursor:
        cursor.execute(sql.TRY_LOCK)
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(sql.HEAD)
        seq, previous = cursor.fetchone() or (0, GENESIS)
        cursor.execute(sql.UNCHAINED_EVENTS, [EVENTS_PER_RUN])
        contents: list[tuple[int | None, int | None, str]] = []
        contents += [(event_id, None, digest) for event_id, digest in cursor.fetchall()]
        contents += [(None, until, digest) for until, digest in _posting_digests(boundary)]
        links = []
        for event_id, until, digest in contents:
            seq += 1
            previous_of_this, previous = previous, chain_hash(seq, previous, digest)
            links.append(
                AuditLink(
                    seq=seq,
                    event_id=event_id,
                    postings_until=until,
                    digest=digest,
                    previous=previous_of_this,
                    chained=previous,
                )
            )
        AuditLink.objects.bulk_create(links)
    return len(links)


def audit_chain_verify() -> int | None:
    """Recompute every link from the rows it covers; returns the first broken number or None."""
    with connections["default"].cursor() as cursor:
        cursor.execute(sql.BROKEN_LINKS + " ORDER BY seq LIMIT 1")
        row = cursor.fetchone()
    return row[0] if row else None


def chain_hash(seq: int, previous: str, digest: str) -> str:
    """Return the hash of a link: over its number, the hash before it and its content's digest."""
    return hashlib.sha256(f"{seq}:{previous}:{digest}".encode()).hexdigest()


def _posting_digests(boundary: int) -> list[tuple[int, str]]:
    """Digest the postings after the last digest up to ``boundary``, in bounded intervals."""
    with connections["default"].cursor() as cursor:
        cursor.execute(sql.LAST_POSTING_CHAINED)
        start = cursor.fetchone()[0]
        cursor.execute(sql.INTERVAL_ENDS, [start, boundary, POSTINGS_PER_LINK])
        ends = [row[0] for row in cursor.fetchall()]
        digests = []
        for after, until in pairwise([start, *ends]):
            cursor.execute(f"SELECT {sql.POSTINGS_DIGEST}", {"after": after, "until": until})
            digests.append((until, cursor.fetchone()[0]))
    return digests


def _settled_posting() -> int:
    """Return the highest posting number at or below which no transaction is still under way.

    Numbers are drawn before a commit, so a smaller one may appear later than a larger one: the
    highest visible one counts only once every transaction of that moment has ended. If they do
    not end soon, nothing new is digested this time.
    """
    with connections["default"].cursor() as cursor:
        cursor.execute(sql.HIGHEST_POSTING)
        highest = int(cursor.fetchone()[0])
        waiting_for: set[str] | None = None
        for pause_s in (0, 0.02, 0.1, 0.5):
            time.sleep(pause_s)
            cursor.execute(sql.WRITERS)
            writing = {row[0] for row in cursor.fetchall()}
            waiting_for = writing if waiting_for is None else waiting_for & writing
            if not waiting_for:
                return highest
    return 0
