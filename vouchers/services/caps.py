"""Caps of all people together: what a group of claims falls into, and what has been claimed.

The claim function counts (vouchers_claim.sql). A version that adds or changes a cap counts what has
been claimed in the window already: from then on nobody is let through who would be too much.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Sum

from core.errors import Refusal
from vouchers.models import Batch, CapUse, Claim, Limit
from vouchers.rules.caps import CapRow, cap_rows
from vouchers.rules.model import BatchRules

Caps = tuple[tuple[int, CapRow], ...]
"""The caps of a batch, each with the id of its row."""


def cap_lines(caps: Caps, moments: Iterable[datetime]) -> list[dict[str, Any]]:
    """Return the windows that claims at these moments fall into, as the claim function asks."""
    if not caps:
        return []
    windows = {
        (limit_id, row, row.window_of(moment)) for moment in moments for limit_id, row in caps
    }
    return [
        {
            "limit_id": limit_id,
            "window_start": start,
            "window_end": end,
            "window": row.window,
            "units": row.units,
            "fen": row.amount_fen,
        }
        for limit_id, row, (start, end) in sorted(windows)
    ]


def caps_reached(
    caps_of: Mapping[UUID, tuple[Caps, int]], *, now: datetime
) -> dict[UUID, list[Refusal]]:
    """Return why a claim of one unit would be too much at ``now``, per batch (its caps, its face).

    No statement for batches without caps, else two.
    """
    wanted = {
        (limit_id, row.window_of(now)[0])
        for caps, _face_fen in caps_of.values()
        for limit_id, row in caps
    }
    if not wanted:
        return {}
    used = {
        (use.limit_id, use.window_start): (use.used_units, use.used_fen)
        for use in CapUse.objects.filter(
            limit_id__in={limit_id for limit_id, _start in wanted},
            window_start__in={start for _limit_id, start in wanted},
        )
    }
    full = [
        (batch_id, row, row.window_of(now))
        for batch_id, (caps, face_fen) in caps_of.items()
        for limit_id, row in caps
        if row.is_full(*used.get((limit_id, row.window_of(now)[0]), (0, 0)), face_fen)
    ]
    opens = _open_from([(batch_id, window[1]) for batch_id, _row, window in full])
    refusals: dict[UUID, list[Refusal]] = defaultdict(list)
    for (batch_id, row, _window), next_release_at in zip(full, opens, strict=True):
        refusals[batch_id].append(_refusal(row, next_release_at))
    return refusals


def _refusal(row: CapRow, next_release_at: datetime | None) -> Refusal:
    data = {
        "window": row.window,
        "cap_units": row.units,
        "cap_fen": row.amount_fen,
        "next_release_at": next_release_at,
    }
    told = {name: value for name, value in data.items() if value is not None}
    return Refusal("claim.daily_cap_reached", told)


def _open_from(asked: Collection[tuple[UUID, datetime]]) -> list[datetime | None]:
    if not asked:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT vouchers_open_from(a.batch_id, a.moment)"
            " FROM unnest(%s::uuid[], %s::timestamptz[]) WITH ORDINALITY AS a(batch_id, moment, n)"
            " ORDER BY a.n",
            [[batch_id for batch_id, _ in asked], [moment for _, moment in asked]],
        )
        return [moment for (moment,) in cursor.fetchall()]


def caps_recount(*, campaign_id: UUID, rules: Mapping[str, BatchRules], now: datetime) -> None:
    """Count what has been claimed in the present windows of a campaign's caps (batch → rules).

    Inside the caller's transaction, which has the batches locked: no claim comes between.
    """
    batches = {row.code: row for row in Batch.objects.filter(campaign_id=campaign_id)}
    members: dict[str, list[Batch]] = defaultdict(list)
    found: dict[str, CapRow] = {}
    for code, rule in rules.items():
        for row in cap_rows(code, rule):
            members[row.code].append(batches[code])
            found[row.code] = row
    ids = dict(
        Limit.objects.filter(campaign_id=campaign_id, code__in=found).values_list("code", "pk")
    )
    for code, row in sorted(found.items()):
        start, end = row.window_of(now)
        units, fen = _claimed(members[code], start, end)
        columns = {
            "window_end": end,
            "used_units": units,
            "used_fen": fen,
            # A cap below what has been claimed lets nobody in; it undoes no claim.
            "most_units": None if row.units is None else max(row.units, units),
            "most_fen": None if row.amount_fen is None else max(row.amount_fen, fen),
        }
        known = CapUse.objects.filter(limit_id=ids[code], window_start=start)
        if not known.update(**columns) and units:
            CapUse.objects.create(limit_id=ids[code], window_start=start, **columns)


def _claimed(batches: Collection[Batch], start: datetime, end: datetime) -> tuple[int, int]:
    faces = {batch.pk: batch.face_fen for batch in batches}
    rows = (
        Claim.objects.filter(batch__in=batches, at__gte=start, at__lt=end)
        .order_by()
        .values_list("batch_id")
        .annotate(units=Sum("units"))
    )
    counted = [(units, units * faces[batch_id]) for batch_id, units in rows]
    return sum(units for units, _ in counted), sum(fen for _, fen in counted)
