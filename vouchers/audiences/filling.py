"""A list on its way from its file or segment to the members of a draft.

A file is read twice: first for its faults, of which one refuses it as a whole before anybody's key
is made; then in chunks, each a transaction of its own, so that nobody who enrols meanwhile with a
number on it waits for the whole list. A killed run is begun again: what it wrote is written once.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from campaigns.models import Campaign
from core.access.region_codes import region_chain, subtree_range
from core.jobs.files import job_file_write
from core.jobs.models import Job
from core.models import Client
from core.tabular import Column, csv_chunks
from core.transactions import retry_conflicts, transaction, transaction_joined
from vouchers.audiences.limits import CHUNK_ROWS
from vouchers.audiences.reading import ListedRow, fault_words, listed_rows
from vouchers.audiences.segments import segment_of
from vouchers.identity import IdentityToken
from vouchers.locks import snapshot_lock
from vouchers.models import AudienceSnapshot
from vouchers.selectors import identity_keys_find
from vouchers.services.identity_keys import identity_keys_ensure
from vouchers.states import SNAPSHOT_STATES, SnapshotState

STATEMENT_TIMEOUT_MS = 300_000
ERRORS = "errors"
_ADD = """
    INSERT INTO vouchers_audiencemember (snapshot_id, key_id)
    SELECT %s, key_id FROM ({}) AS found ON CONFLICT DO NOTHING
"""
_OF_BASE = "SELECT key_id FROM vouchers_audiencemember WHERE snapshot_id = %s"
_OF_CHUNK = "SELECT unnest(%s::bigint[]) AS key_id"
_TAKE = "DELETE FROM vouchers_audiencemember WHERE snapshot_id = %s AND key_id = ANY (%s)"
_DROP = "DELETE FROM vouchers_audiencemember WHERE snapshot_id = %s"
_DIGEST = """
    SELECT count(*), coalesce(encode(sha256(string_agg(int8send(key_id), ''::bytea
                                                       ORDER BY key_id)), 'hex'), '')
      FROM vouchers_audiencemember WHERE snapshot_id = %s
"""


def faults_write(*, snapshot: AudienceSnapshot, path: Path, job: Job, now: datetime) -> int:
    """Write row number and reason of every faulty row into a file of ``job``; returns how many.

    Raises:
        ImportFileRefusedError: the file cannot be read as a list.
    """
    kind = snapshot.audience.key_kind
    faults = (row for row in listed_rows(path, kind) if row.fault)
    first = next(faults, None)
    if first is None:
        return 0
    words, count = fault_words(kind), 0

    def lines() -> Iterator[tuple[str, str]]:
        nonlocal count
        for row in chain([first], faults):
            count += 1
            yield str(row.line), words[row.fault]

    columns = [Column(_("行号")), Column(_("原因"))]
    name = f"{_('名单错误')}.csv"
    with job_file_write(job=job, role=ERRORS, name=name, now=now) as stream:
        for block in csv_chunks(columns, lines()):
            stream.write(block)
    return count


def members_from_file(
    *, snapshot: AudienceSnapshot, path: Path, advance: Callable[[int], None]
) -> int:
    """Write the members of a list whose file has no fault; returns its rows.

    ``advance`` is told of rows read. Additions and removals begin with the members of the list
    they are based on.
    """
    if snapshot.base_id is not None:
        with transaction(statement_timeout_ms=STATEMENT_TIMEOUT_MS):
            _execute(_ADD.format(_OF_BASE), [snapshot.pk, snapshot.base_id])
    rows = 0
    tokens = _tokens(listed_rows(path, snapshot.audience.key_kind))
    while chunk := list(islice(tokens, CHUNK_ROWS)):
        _chunk_write(snapshot, chunk)
        rows += len(chunk)
        advance(len(chunk))
    return rows


def members_from_segment(*, snapshot: AudienceSnapshot) -> None:
    """Evaluate the segment of a list, in one statement.

    Raises:
        LookupError: no room has registered it.
    """
    segment, parameters = segment_of(snapshot.segment), snapshot.parameters
    if segment is None:
        raise LookupError(f"unknown segment {snapshot.segment!r}")
    first, last = subtree_range(snapshot.owner_region)
    campaign = Campaign.objects.filter(code=parameters.get("campaign")).first()
    client = Client.objects.filter(code=parameters.get("client")).first()
    values = {
        "snapshot": snapshot.pk,
        "campaign_id": campaign and campaign.pk,
        "client_id": client and client.pk,
        "since": snapshot.created_at - timedelta(days=parameters.get("days", 0)),
        "first": first,
        "last": last,
        "above": list(region_chain(snapshot.owner_region)),
    }
    with transaction(statement_timeout_ms=STATEMENT_TIMEOUT_MS):
        _execute(_ADD.replace("%s", "%(snapshot)s").format(segment.sql), values)


@retry_conflicts
def snapshot_settle(*, snapshot: AudienceSnapshot, rows: int) -> str:
    """Make a list whose members are written a draft; returns why not, or an empty text.

    Refused, and its members deleted: a list without members, or with exactly those of the newest
    list of the audience, which would change nothing.
    """
    with transaction(statement_timeout_ms=STATEMENT_TIMEOUT_MS):
        row = snapshot_lock(snapshot.pk)
        members, digest = members_digest(row)
        refusal = _refusal(row, members, digest)
        row.rows, row.members, row.members_sha256 = rows or members, members, digest
        if refusal:
            row.rows, row.members, row.members_sha256 = rows, 0, ""
            _execute(_DROP, [row.pk])
        snapshot_move(
            row,
            SnapshotState.REFUSED if refusal else SnapshotState.DRAFT,
            "rows",
            "members",
            "members_sha256",
        )
    return refusal


def snapshot_refuse(*, snapshot: AudienceSnapshot) -> None:
    """Refuse a list whose file cannot be used; it has no members."""
    with transaction_joined():
        row = snapshot_lock(snapshot.pk)
        _execute(_DROP, [row.pk])
        snapshot_move(row, SnapshotState.REFUSED)


def members_digest(snapshot: AudienceSnapshot) -> tuple[int, str]:
    """Return how many members a list has, and the SHA-256 over them in the order of their keys."""
    with connection.cursor() as cursor:
        cursor.execute(_DIGEST, [snapshot.pk])
        members, digest = cursor.fetchone()
    return int(members), str(digest)


def members_drop(snapshot: AudienceSnapshot) -> None:
    """Delete the members of a list that was given up, in the caller's transaction."""
    _execute(_DROP, [snapshot.pk])


def snapshot_move(snapshot: AudienceSnapshot, target: SnapshotState, *fields: str) -> None:
    """Move a locked list to ``target`` and save it with ``fields``."""
    SNAPSHOT_STATES.assert_transition(snapshot.state, target)
    snapshot.state = target
    snapshot.save(update_fields=["state", *fields])


def _refusal(snapshot: AudienceSnapshot, members: int, digest: str) -> str:
    if not members:
        return _("名单中没有人员")
    others = AudienceSnapshot.objects.filter(
        audience=snapshot.audience_id,
        state__in=(SnapshotState.DRAFT, SnapshotState.SUBMITTED, SnapshotState.APPROVED),
    ).exclude(pk=snapshot.pk)
    newest = others.order_by("-number").first()
    if newest is not None and newest.members_sha256 == digest:
        return _("成员与第 %(number)s 期完全相同，没有变化") % {"number": newest.number}
    return ""


def _tokens(rows: Iterable[ListedRow]) -> Iterator[IdentityToken]:
    return (row.token for row in rows if row.token is not None)


@retry_conflicts
def _chunk_write(snapshot: AudienceSnapshot, tokens: list[IdentityToken]) -> None:
    with transaction_joined():
        if snapshot.mode == AudienceSnapshot.Mode.REMOVE:
            # Whom nobody knows is on no list; no key is made for him.
            found = [key.key_id for key in identity_keys_find(set(tokens)).values()]
            _execute(_TAKE, [snapshot.pk, found])
        else:
            keys = identity_keys_ensure(tokens=tokens)
            _execute(_ADD.format(_OF_CHUNK), [snapshot.pk, sorted(set(keys.values()))])


def _execute(sql: str, values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
