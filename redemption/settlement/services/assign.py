"""Putting facts into the lines of a batch, and netting what a payee owes (architecture.md, Money).

Per payee and funder: ``POSITIVE`` moves payable → settling as far as nothing is owed, the rest is
netted payable → merchant-receivable; what stays owed is carried out and brought in next time.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection

from core.clock import business_date
from core.ids import new_id
from core.ledger.models import AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from merchants.models import Payee
from redemption.settlement import queries
from redemption.settlement.models import SettlementBatch, SettlementLine

Parts = dict[UUID, int]
"""Fen by funder."""


@dataclass(slots=True)
class PayeeSheet:
    """What one payee's facts come to: fen by funder, counts, and the ids of its two fact lines."""

    payee_id: UUID
    positive: Parts = field(default_factory=lambda: defaultdict(int))
    negative: Parts = field(default_factory=lambda: defaultdict(int))
    carried: Parts = field(default_factory=lambda: defaultdict(int))
    counts: dict[str, int] = field(default_factory=dict)
    line_ids: dict[str, UUID] = field(
        default_factory=lambda: {"POSITIVE": new_id(), "NEGATIVE": new_id()}
    )

    def funders(self) -> list[UUID]:
        """Return every funder concerned, in id order."""
        return sorted({*self.positive, *self.negative, *self.carried})

    def netted(self, funder_id: UUID) -> int:
        """Return what of the funder's positive amount pays what the payee owes it."""
        owed = self.carried[funder_id] - self.negative[funder_id]
        return min(self.positive[funder_id], owed)

    def left_owed(self, funder_id: UUID) -> int:
        """Return what the payee still owes the funder after netting."""
        return self.carried[funder_id] - self.negative[funder_id] - self.netted(funder_id)


def chunk_assign(
    *, batch: SettlementBatch, payee_ids: Sequence[UUID], look_back_days: int, now: datetime
) -> int:
    """Assign the facts of some payees to a batch that is being built; returns how many.

    The caller holds the transaction, the settlement lock and the batch. The redemptions are locked
    first, so that a refund under way is either in the facts or finds them assigned.
    """
    batch_of = (batch.campaign_id, batch.acquirer_id, batch.business_date, look_back_days)
    sheets = {payee_id: PayeeSheet(payee_id) for payee_id in payee_ids}
    with connection.cursor() as cursor:
        cursor.execute(queries.LOCK_CANDIDATES, (*batch_of, list(payee_ids)))
        locked = [row[0] for row in cursor.fetchall()]
        cursor.execute(queries.CARRIED, [batch.campaign_id, list(payee_ids)])
        for payee_id, funder_id, fen in cursor.fetchall():
            sheets[payee_id].carried[funder_id] = fen
        line_of = {
            line_id: (sheet, side)
            for sheet in sheets.values()
            for side, line_id in sheet.line_ids.items()
        }
        cursor.execute(
            queries.ASSIGN,
            {
                "campaign": batch.campaign_id,
                "acquirer": batch.acquirer_id,
                "day": batch.business_date,
                "days": look_back_days,
                "locked": locked,
                "payees": [sheet.payee_id for sheet, _ in line_of.values()],
                "sides": [side for _, side in line_of.values()],
                "lines": list(line_of),
            },
        )
        for line_id, funder_id, fen, count in cursor.fetchall():
            sheet, side = line_of[line_id]
            if funder_id is None:
                sheet.counts[side] = count
            else:
                (sheet.positive if side == "POSITIVE" else sheet.negative)[funder_id] = fen
    used = [sheet for sheet in sheets.values() if sheet.counts]
    _lines_write(batch, used)
    _post(batch, used, now)
    return sum(sum(sheet.counts.values()) for sheet in used)


def _lines_write(batch: SettlementBatch, sheets: Sequence[PayeeSheet]) -> None:
    regions = dict(
        Payee.objects.filter(pk__in=[sheet.payee_id for sheet in sheets]).values_list(
            "pk", "merchant__owner_region"
        )
    )
    kinds = SettlementLine.Kind
    lines: list[SettlementLine] = []
    for sheet in sheets:
        for kind, parts in (
            (kinds.POSITIVE, sheet.positive),
            (kinds.NEGATIVE, sheet.negative),
            (kinds.CARRY_IN, {one: -fen for one, fen in sheet.carried.items()}),
            (kinds.CARRY_OUT, {one: sheet.left_owed(one) for one in sheet.funders()}),
        ):
            owes = any(parts.values())
            if not owes and kind not in sheet.counts:
                continue
            funders = sorted(one for one, fen in parts.items() if fen or kind in sheet.counts)
            lines.append(
                SettlementLine(
                    id=sheet.line_ids.get(kind) or new_id(),
                    batch=batch,
                    payee_id=sheet.payee_id,
                    kind=kind,
                    funder_ids=funders,
                    parts=[parts[one] for one in funders],
                    amount_fen=sum(parts.values()),
                    fact_count=sheet.counts.get(kind, 0),
                    owner_region=batch.owner_region,
                    store_region=regions[sheet.payee_id],
                )
            )
    SettlementLine.objects.bulk_create(lines)


def _post(batch: SettlementBatch, sheets: Sequence[PayeeSheet], now: datetime) -> None:
    if not sheets:
        return
    key = f"{batch.pk}:{sheets[0].payee_id}"
    for code, credit in (
        (EntryCode.ASSIGN, AccountKind.SETTLING),
        (EntryCode.NET, AccountKind.MERCHANT_RECEIVABLE),
    ):
        transfers = []
        for sheet in sheets:
            for funder_id in sheet.funders():
                netted = sheet.netted(funder_id)
                fen = netted if code == EntryCode.NET else sheet.positive[funder_id] - netted
                transfers.append(
                    Transfer(
                        funder_id, AccountKind.PAYABLE, credit, fen, sheet.payee_id, sheet.payee_id
                    )
                )
        entry_post(
            code=code,
            campaign_id=batch.campaign_id,
            source_key=f"settlement:{code.lower()}:{key}",
            business_date=business_date(now),
            at=now,
            transfers=transfers,
        )
