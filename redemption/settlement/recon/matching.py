"""Matching a day: ours ↔ acquirer, every difference an owned row (domain-rules §10)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from core.clock import TIME_ZONE
from core.ids import new_id
from redemption.settlement.models import Discrepancy, ReconDay, ReconFile
from redemption.settlement.recon import queries
from redemption.settlement.states import DiscrepancyState

CROSS_DAY_MARGIN = timedelta(minutes=30)
"""A payment this close to the cut-off that the file lacks is looked for in the next day's."""

FETCH_ROWS = 1_000
FOUND_NEXT_DAY = "次日文件中找到对应交易"
NOT_FOUND_NEXT_DAY = "次日文件仍无对应交易，转挂账"


def day_match(*, file: ReconFile, now: datetime) -> int:
    """Match the facts of a file's day with its rows; returns how many differences it found.

    Key: channel trade number, else terminal + time + amount. What the day before was still looking
    for is matched as well: found, it is explained; a cross-day difference not found goes into
    suspense. The caller holds the transaction and the day.
    """
    day = file.day
    if day is None:
        raise ValueError("only files of a day are matched")
    parameters = _parameters(file, day)
    with connection.cursor() as cursor:
        cursor.execute(queries.SUMMARY, parameters)
        day.matched_count, day.matched_fen = cursor.fetchone()
        cursor.execute(queries.HELD_FOUND, parameters)
        found = [row[0] for row in cursor.fetchall()]
    day.save(update_fields=["matched_count", "matched_fen"])
    count = 0
    for chunk in _differences(parameters):
        Discrepancy.objects.bulk_create(_discrepancy(day, row, now) for row in chunk)
        count += len(chunk)
    _held_settle(day, found, now)
    file.matched_at = now
    file.save(update_fields=["matched_at"])
    return count


def _parameters(file: ReconFile, day: ReconDay) -> dict[str, Any]:
    cut_off = datetime.combine(day.business_date, day.acquirer.cutoff, TIME_ZONE)
    return {
        "file": file.pk,
        "acquirer": day.acquirer_id,
        "day": day.business_date,
        "cut_off": cut_off,
        "margin": CROSS_DAY_MARGIN,
    }


def _differences(parameters: dict[str, Any]) -> Iterator[list[tuple[Any, ...]]]:
    with connection.cursor() as cursor:
        cursor.execute(queries.DIFFERENCES, parameters)
        while rows := cursor.fetchmany(FETCH_ROWS):
            yield rows


def _discrepancy(day: ReconDay, row: tuple[Any, ...], now: datetime) -> Discrepancy:
    kind, fact_id, row_id, redemption_id, trade_no, ours, theirs, order_diff, region = row
    return Discrepancy(
        id=new_id(),
        day=day,
        kind=kind,
        fact_id=fact_id,
        row_id=row_id,
        redemption_id=redemption_id,
        trade_no=trade_no,
        ours_fen=ours,
        theirs_fen=theirs,
        amount_fen=(theirs or 0) - (ours or 0),
        detail={"order_diff_fen": order_diff},
        owner_region=day.owner_region,
        store_region=region,
        found_at=now,
    )


def _held_settle(day: ReconDay, found: list[Any], now: datetime) -> None:
    Discrepancy.objects.filter(pk__in=found, state=DiscrepancyState.OPEN).update(
        state=DiscrepancyState.EXPLAINED,
        resolution=FOUND_NEXT_DAY,
        evidence=f"{day.acquirer.code} {day.business_date.isoformat()}",
        resolved_at=now,
    )
    Discrepancy.objects.filter(
        day__acquirer_id=day.acquirer_id,
        day__business_date=day.business_date - timedelta(days=1),
        kind=Discrepancy.Kind.CROSS_DAY,
        state=DiscrepancyState.OPEN,
    ).update(state=DiscrepancyState.SUSPENSE, resolution=NOT_FOUND_NEXT_DAY)
