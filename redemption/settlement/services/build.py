"""Building settlement batches: one per campaign, acquirer and business date that has ended."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db import connection

from campaigns.models import Campaign
from core.access.models import User
from core.access.roles import assert_may
from core.audit.services import audit_record
from core.calendar import CalendarYearUnknownError, add_natural_days, add_working_days
from core.clock import TIME_ZONE, business_date
from core.errors import DomainError
from core.transactions import retry_conflicts, transaction_joined
from merchants.models import Acquirer
from redemption.settlement import queries
from redemption.settlement.errors import DayOpenError
from redemption.settlement.locks import settlement_lock
from redemption.settlement.models import SettlementBatch
from redemption.settlement.services.assign import chunk_assign
from redemption.settlement.states import BatchState

LOOK_BACK_DAYS = 7
"""How far back facts without a line are searched (architecture.md, Settlement)."""

EVERYTHING_DAYS = 36_500
CHUNK_FACTS = 2_000
"""Accounts are never held for more facts than this; a larger payee is a chunk of its own."""

_STATEMENT_TIMEOUT_MS = 120_000


@dataclass(frozen=True, slots=True)
class BuildSummary:
    """What a run built: batches, the facts in them, and what they pay in fen."""

    batches: int = 0
    facts: int = 0
    payout_fen: int = 0


def settlements_build(*, now: datetime, look_back_days: int = LOOK_BACK_DAYS) -> BuildSummary:
    """Build what is missing for the last ended business date of every acquirer at ``now``.

    Safe to run twice, even at once: a batch exists once per campaign, date and acquirer, a fact
    once in any; a build that was interrupted is continued. Returns what is new. An acquirer whose
    due date no calendar knows yet is left for a later run; the others are built.

    Raises:
        CalendarYearUnknownError: at the end, where somebody was left, so that the job fails aloud.
    """
    batches = facts = payout = 0
    unknown: CalendarYearUnknownError | None = None
    for campaign_id, acquirer_id in _pairs(now, look_back_days):
        acquirer = Acquirer.objects.get(pk=acquirer_id)
        try:
            batch = settlement_build(
                campaign_id=campaign_id,
                acquirer_id=acquirer_id,
                day=last_ended_day(acquirer, now),
                now=now,
                look_back_days=look_back_days,
            )
        except CalendarYearUnknownError as error:
            unknown = error
            continue
        if batch is not None:
            batches, facts = batches + 1, facts + batch.fact_count
            payout += batch.payout_fen
    if unknown is not None:
        raise unknown
    return BuildSummary(batches, facts, payout)


def settlement_build(
    *,
    campaign_id: UUID,
    acquirer_id: UUID,
    day: date,
    now: datetime,
    actor: User | None = None,
    look_back_days: int = LOOK_BACK_DAYS,
) -> SettlementBatch | None:
    """Build one batch from facts of ``day`` and the days before that are in no line yet.

    Returns the batch, or None if there is nothing to settle or the date's batch exists already
    (later facts go into the next one). ``look_back_days`` above 7 finds what was left behind.

    Raises:
        DayOpenError: the acquirer's business date has not been cut off.
        CalendarYearUnknownError: the due date lies beyond the known calendar.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    campaign = Campaign.objects.filter(pk=campaign_id).first()
    acquirer = Acquirer.objects.filter(pk=acquirer_id).first()
    if campaign is None or acquirer is None:
        raise DomainError("access.not_found")
    if actor is not None:
        assert_may(actor, "redemption.add_settlementbatch", campaign.owner_region)
    if day > last_ended_day(acquirer, now):
        raise DayOpenError(data={"business_date": day})
    batch = _begin(
        campaign=campaign,
        acquirer=acquirer,
        day=day,
        now=now,
        actor=actor,
        look_back_days=look_back_days,
    )
    if batch is None:
        return None
    for payee_ids in _chunks(batch, look_back_days):
        _continue(batch.pk, payee_ids, look_back_days, now)
    return _finish(batch.pk, now)


def last_ended_day(acquirer: Acquirer, now: datetime) -> date:
    """Return the latest business date whose cut-off has passed at the acquirer."""
    return business_date(now, acquirer.cutoff) - timedelta(days=1)


def due_date(acquirer: Acquirer, day: date) -> date:
    """Return when facts of ``day`` are due by the acquirer's terms (T+N working, D+N natural)."""
    if acquirer.term_unit == Acquirer.TermUnit.WORKING_DAY:
        return add_working_days(day, acquirer.term_days)
    return add_natural_days(day, acquirer.term_days)


def _pairs(now: datetime, look_back_days: int) -> list[tuple[UUID, UUID]]:
    today = business_date(now)
    since = datetime.combine(today - timedelta(days=look_back_days), time(0), TIME_ZONE)
    with connection.cursor() as cursor:
        cursor.execute(
            queries.PAIRS_WITH_FACTS,
            {"day": today, "days": look_back_days + 1, "released_since": since},
        )
        return list(cursor.fetchall())


@retry_conflicts
def _begin(
    *,
    campaign: Campaign,
    acquirer: Acquirer,
    day: date,
    now: datetime,
    actor: User | None,
    look_back_days: int,
) -> SettlementBatch | None:
    """Return the batch to fill: a new one, or one whose build was interrupted."""
    with transaction_joined():
        settlement_lock(campaign.pk, acquirer.pk)
        same_day = SettlementBatch.objects.filter(
            campaign=campaign, acquirer=acquirer, business_date=day
        )
        live = same_day.exclude(state=BatchState.REJECTED).first()
        if live is not None:
            return None if live.built_at else live
        if not _payees(campaign.pk, acquirer.pk, day, look_back_days):
            return None
        edition = same_day.count() + 1
        batch = SettlementBatch.objects.create(
            code=f"{campaign.code}-{acquirer.code}-{day:%Y%m%d}-{edition}",
            campaign=campaign,
            acquirer=acquirer,
            business_date=day,
            due_on=due_date(acquirer, day),
            owner_region=campaign.owner_region,
            created_at=now,
        )
        audit_record(
            action="settlement.build",
            subject_type="settlement_batch",
            subject_id=batch.pk,
            now=now,
            actor=actor,
            owner_region=batch.owner_region,
            data={"code": batch.code, "look_back_days": look_back_days},
        )
        return batch


def _payees(
    campaign_id: UUID, acquirer_id: UUID, day: date, look_back_days: int
) -> list[tuple[UUID, int]]:
    with connection.cursor() as cursor:
        cursor.execute(queries.PAYEES, [campaign_id, acquirer_id, day, look_back_days])
        return list(cursor.fetchall())


def _chunks(batch: SettlementBatch, look_back_days: int) -> Iterator[Sequence[UUID]]:
    chunk: list[UUID] = []
    facts = 0
    # A payee is filled once per batch: one already in it was filled before an interruption.
    filled = set(batch.lines.values_list("payee_id", flat=True))
    for payee_id, count in _payees(
        batch.campaign_id, batch.acquirer_id, batch.business_date, look_back_days
    ):
        if payee_id in filled:
            continue
        if chunk and facts + count > CHUNK_FACTS:
            yield chunk
            chunk, facts = [], 0
        chunk.append(payee_id)
        facts += count
    if chunk:
        yield chunk


@retry_conflicts
def _continue(
    batch_id: UUID, payee_ids: Sequence[UUID], look_back_days: int, now: datetime
) -> None:
    with transaction_joined():
        _set_timeout()
        seen = SettlementBatch.objects.get(pk=batch_id)
        settlement_lock(seen.campaign_id, seen.acquirer_id)
        batch = SettlementBatch.objects.get(pk=batch_id)
        if batch.built_at or batch.state != BatchState.DRAFT:
            return
        filled = set(batch.lines.filter(payee_id__in=payee_ids).values_list("payee_id", flat=True))
        wanted = [one for one in payee_ids if one not in filled]
        if wanted:
            chunk_assign(batch=batch, payee_ids=wanted, look_back_days=look_back_days, now=now)


@retry_conflicts
def _finish(batch_id: UUID, now: datetime) -> SettlementBatch | None:
    with transaction_joined():
        seen = SettlementBatch.objects.get(pk=batch_id)
        settlement_lock(seen.campaign_id, seen.acquirer_id)
        if not SettlementBatch.objects.filter(pk=batch_id, built_at__isnull=True).update(
            built_at=now
        ):
            return None
        with connection.cursor() as cursor:
            cursor.execute(queries.BATCH_TOTALS, {"batch": batch_id})
        return SettlementBatch.objects.get(pk=batch_id)


def _set_timeout() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, true)", [str(_STATEMENT_TIMEOUT_MS)]
        )
