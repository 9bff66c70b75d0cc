"""Taking facts out of a batch that is not approved yet, because a case froze them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection

from core.audit.services import audit_record
from core.clock import business_date
from core.ids import new_id
from core.ledger.models import AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from redemption.settlement import queries
from redemption.settlement.locks import batch_locked
from redemption.settlement.models import SettlementBatch, SettlementLine

_DELETE = """
    DELETE FROM redemption_settlementitem i
     USING redemption_settlementline l, redemption_redemptionstep s
     WHERE l.id = i.line_id AND s.id = i.fact_id AND l.kind = 'POSITIVE'
       AND s.redemption_id = ANY(%s)
    RETURNING i.fact_id, l.id, l.batch_id
"""
_PARTS = """
    SELECT fact_id, funder_id, fen FROM settlement_fact_part WHERE fact_id = ANY(%s)
     ORDER BY fact_id, funder_id
"""
_PAID = """
    SELECT p.funder_id, sum(p.fen)::bigint FROM redemption_settlementline l
     CROSS JOIN LATERAL unnest(l.funder_ids, l.parts) AS p(funder_id, fen)
     WHERE l.batch_id = %s AND l.payee_id = %s GROUP BY p.funder_id
"""


@dataclass(slots=True)
class _Taken:
    """What leaves one POSITIVE line: facts, and fen by funder."""

    facts: list[UUID] = field(default_factory=list)
    parts: dict[UUID, int] = field(default_factory=lambda: defaultdict(int))


def facts_take_out(*, redemption_ids: Sequence[UUID], now: datetime) -> None:
    """Take the facts of redemptions out of the unapproved batches they are in.

    Their money goes settling → payable. As far as it was netted already, the netting is undone and
    carried out to the next batch. The caller holds the settlement lock and the redemptions.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DELETE, [list(redemption_ids)])
        gone = cursor.fetchall()
        cursor.execute(_PARTS, [[row[0] for row in gone]])
        parts = cursor.fetchall()
    line_of = {fact_id: line_id for fact_id, line_id, _batch in gone}
    taken: dict[UUID, _Taken] = defaultdict(_Taken)
    for fact_id, line_id, _batch in gone:
        taken[line_id].facts.append(fact_id)
    for fact_id, funder_id, fen in parts:
        taken[line_of[fact_id]].parts[funder_id] += fen
    by_batch: dict[UUID, list[UUID]] = defaultdict(list)
    for line_id, batch_id in sorted({(line_id, batch_id) for _, line_id, batch_id in gone}):
        by_batch[batch_id].append(line_id)
    for batch_id, line_ids in sorted(by_batch.items()):
        _shrink(batch_locked(batch_id), [(one, taken[one]) for one in line_ids], now)


def _shrink(batch: SettlementBatch, lines: Sequence[tuple[UUID, _Taken]], now: datetime) -> None:
    transfers: list[Transfer] = []
    for line_id, taken in lines:
        line = SettlementLine.objects.select_for_update().get(pk=line_id)
        paid = _paid(batch.pk, line.payee_id)
        again: dict[UUID, int] = {}
        for funder_id, fen in taken.parts.items():
            settling = min(fen, paid.get(funder_id, 0))
            again[funder_id] = fen - settling
            for debit, amount in (
                (AccountKind.SETTLING, settling),
                (AccountKind.MERCHANT_RECEIVABLE, again[funder_id]),
            ):
                transfers.append(
                    Transfer(
                        funder_id, debit, AccountKind.PAYABLE, amount, line.payee_id, line.payee_id
                    )
                )
        _add(line, {one: -fen for one, fen in taken.parts.items()}, facts=-len(taken.facts))
        if any(again.values()):
            _add(_carry_out(batch, line), again, facts=0)
    with connection.cursor() as cursor:
        cursor.execute(queries.BATCH_TOTALS, {"batch": batch.pk})
    audit_record(
        action="settlement.take_out",
        subject_type="settlement_batch",
        subject_id=batch.pk,
        now=now,
        owner_region=batch.owner_region,
        data={"code": batch.code, "facts": [one for _, taken in lines for one in taken.facts]},
    )
    entry_post(
        code=EntryCode.UNASSIGN,
        campaign_id=batch.campaign_id,
        source_key=f"settlement:take_out:{batch.pk}:{new_id()}",
        business_date=business_date(now),
        at=now,
        transfers=transfers,
    )


def _paid(batch_id: UUID, payee_id: UUID) -> dict[UUID, int]:
    with connection.cursor() as cursor:
        cursor.execute(_PAID, [batch_id, payee_id])
        return dict(cursor.fetchall())


def _carry_out(batch: SettlementBatch, line: SettlementLine) -> SettlementLine:
    found = SettlementLine.objects.filter(
        batch=batch, payee_id=line.payee_id, kind=SettlementLine.Kind.CARRY_OUT
    ).first()
    return found or SettlementLine(
        batch=batch,
        payee_id=line.payee_id,
        kind=SettlementLine.Kind.CARRY_OUT,
        funder_ids=[],
        parts=[],
        amount_fen=0,
        owner_region=line.owner_region,
        store_region=line.store_region,
    )


def _add(line: SettlementLine, parts: dict[UUID, int], *, facts: int) -> None:
    total = dict(zip(line.funder_ids, line.parts, strict=True))
    for funder_id, fen in parts.items():
        total[funder_id] = total.get(funder_id, 0) + fen
    line.funder_ids = sorted(total)
    line.parts = [total[one] for one in line.funder_ids]
    line.amount_fen = sum(line.parts)
    line.fact_count += facts
    line.save()
