"""Freezing the settlement of facts a case suspects, giving them back, recovering them.

Unpaid and not in an approved batch: the money moves to payable-frozen, a fact in an unapproved
batch leaves it. Approved or paid already: only the payee's next settlement is held
(architecture.md, Settlement). Runs inside the transaction of the case's change.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connection

from campaigns.models import Campaign, CampaignState
from core.clock import business_date
from core.ids import new_id
from core.ledger.models import AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from core.models import Case
from core.transactions import transaction_required
from redemption.models import Redemption, RedemptionStep
from redemption.settlement.errors import RecoveryConflictError
from redemption.settlement.locks import redemptions_lock, settlement_lock
from redemption.settlement.models import FrozenFact, SettlementItem
from redemption.settlement.services.unassign import facts_take_out
from redemption.settlement.states import BatchState, FreezeState
from redemption.states import RedemptionState, StepKind

Parts = dict[UUID, int]
Mode = FrozenFact.Mode

_PARTS = """
    SELECT redemption_id, funder_id, sum(fen)::bigint FROM settlement_fact_part
     WHERE redemption_id = ANY(%s) AND (kind = 'CONFIRM' OR booked_to = ANY(%s))
     GROUP BY redemption_id, funder_id ORDER BY redemption_id, funder_id
"""
_OFF_PAYABLE = [AccountKind.PAYABLE.value, AccountKind.PAYABLE_FROZEN.value]
_ANYWHERE = [*_OFF_PAYABLE, AccountKind.MERCHANT_RECEIVABLE.value]


@dataclass(frozen=True, slots=True)
class _Fact:
    step_id: UUID
    redemption: Redemption
    line_id: UUID | None
    batch_state: str | None

    @property
    def mode(self) -> Mode:
        settled = self.batch_state not in (None, BatchState.DRAFT, BatchState.CHECKED)
        return Mode.NEXT_PAYOUT if settled else Mode.MONEY


def facts_freeze(*, case: Case, fact_ids: Sequence[str], now: datetime) -> int:
    """Freeze confirmed redemptions (ids of redemptions or of their steps); returns fen frozen.

    What is frozen already, cancelled, or carries no cash of a funder adds nothing; neither does a
    fact that is settled: it holds the payee's next settlement instead.
    """
    transaction_required()
    redemptions = _redemptions(fact_ids)
    _lock(redemptions)
    facts = _freezable(redemptions)
    if not facts:
        return 0
    assigned = [fact for fact in facts if fact.line_id and fact.mode == Mode.MONEY]
    facts_take_out(redemption_ids=[fact.redemption.pk for fact in assigned], now=now)
    left = _parts([fact.redemption.pk for fact in facts], _OFF_PAYABLE)
    rows: list[FrozenFact] = []
    for campaign_id, group in _by_campaign(facts).items():
        money = [fact for fact in group if fact.mode == Mode.MONEY]
        entry_id = _post(
            EntryCode.FREEZE,
            campaign_id,
            f"freeze:{case.pk}:{new_id()}",
            now,
            [
                Transfer(
                    funder_id,
                    AccountKind.PAYABLE,
                    AccountKind.PAYABLE_FROZEN,
                    fen,
                    fact.redemption.payee_id,
                    fact.redemption.payee_id,
                )
                for fact in money
                for funder_id, fen in left[fact.redemption.pk].items()
            ],
        )
        rows += [
            _row(case, fact, left[fact.redemption.pk], entry_id, now)
            for fact in group
            if any(left[fact.redemption.pk].values())
        ]
    FrozenFact.objects.bulk_create(rows)
    return sum(row.amount_fen for row in rows if row.mode == Mode.MONEY)


def facts_release(*, case: Case, now: datetime) -> int:
    """Give back what the case froze: payable-frozen → payable; returns the fen given back.

    The facts become candidates of the next batch, however old they are.
    """
    return _close(case, FreezeState.RELEASED, now)


def facts_recover(*, case: Case, now: datetime) -> int:
    """Keep what the case froze for good; returns the fen recovered.

    Frozen money goes back to the campaign (available; after its close return-payable). For facts
    that are settled the merchant owes it: merchant-receivable, netted from its next settlements.

    Raises:
        RecoveryConflictError: a refund of such a redemption was netted in a batch already.
    """
    return _close(case, FreezeState.RECOVERED, now)


def _close(case: Case, target: FreezeState, now: datetime) -> int:
    transaction_required()
    seen = FrozenFact.objects.filter(case=case, state=FreezeState.ACTIVE)
    redemptions = list(Redemption.objects.filter(pk__in=seen.values("redemption")).order_by("pk"))
    _lock(redemptions)
    rows = list(seen.select_for_update().order_by("pk"))
    ids = [row.redemption_id for row in rows]
    unpaid, net = _parts(ids, _OFF_PAYABLE), _parts(ids, _ANYWHERE)
    total = 0
    groups: dict[UUID, list[FrozenFact]] = defaultdict(list)
    for row in rows:
        groups[row.campaign_id].append(row)
    for campaign_id, group in sorted(groups.items()):
        sink = _sink(campaign_id)
        transfers: list[Transfer] = []
        for row in group:
            wanted = _closing(row, target, unpaid[row.redemption_id], net[row.redemption_id], sink)
            transfers += wanted
            row.closed_fen = sum(one.amount_fen for one in wanted)
            row.state, row.closed_at = target, now
            total += row.closed_fen
        released = target == FreezeState.RELEASED
        entry_id = _post(
            EntryCode.UNFREEZE if released else EntryCode.RECOVER,
            campaign_id,
            f"{'unfreeze' if released else 'recover'}:{case.pk}:{new_id()}",
            now,
            transfers,
        )
        for row in group:
            row.close_entry_id = entry_id if row.closed_fen else None
    FrozenFact.objects.bulk_update(
        rows, ["state", "closed_at", "closed_fen", "close_entry"], batch_size=500
    )
    return total


def _closing(
    row: FrozenFact, target: FreezeState, unpaid: Parts, net: Parts, sink: AccountKind
) -> list[Transfer]:
    """Return the transfers that close one freeze; ``net`` is after refunds booked anywhere."""
    payee = row.payee_id
    if target == FreezeState.RELEASED:
        if row.mode == Mode.NEXT_PAYOUT:
            return []
        return [
            Transfer(one, AccountKind.PAYABLE_FROZEN, AccountKind.PAYABLE, fen, payee, payee)
            for one, fen in unpaid.items()
        ]
    if row.mode == Mode.NEXT_PAYOUT:
        return [
            Transfer(one, AccountKind.MERCHANT_RECEIVABLE, sink, fen, payee)
            for one, fen in net.items()
        ]
    back = [Transfer(one, AccountKind.PAYABLE_FROZEN, sink, net[one], payee) for one in unpaid]
    # A refund the merchant was to give back, of a subsidy it never gets: the two cancel out.
    owed = [
        Transfer(
            one,
            AccountKind.PAYABLE_FROZEN,
            AccountKind.MERCHANT_RECEIVABLE,
            fen - net[one],
            payee,
            payee,
        )
        for one, fen in unpaid.items()
    ]
    return back + owed


def _redemptions(fact_ids: Iterable[str]) -> list[Redemption]:
    ids = [UUID(str(one)) for one in fact_ids]
    of_steps = RedemptionStep.objects.filter(pk__in=ids).values_list("redemption_id", flat=True)
    wanted = {*ids, *of_steps}
    return list(Redemption.objects.filter(pk__in=wanted).order_by("pk"))


def _lock(redemptions: Sequence[Redemption]) -> None:
    for campaign_id, acquirer_id in sorted({(r.campaign_id, r.acquirer_id) for r in redemptions}):
        settlement_lock(campaign_id, acquirer_id)
    redemptions_lock(redemption.pk for redemption in redemptions)


def _freezable(redemptions: Sequence[Redemption]) -> list[_Fact]:
    ids = [redemption.pk for redemption in redemptions]
    live = {
        one.pk: one
        for one in Redemption.objects.filter(pk__in=ids, state=RedemptionState.CONFIRMED)
    }
    closed = set(
        FrozenFact.objects.filter(redemption_id__in=ids)
        .exclude(state=FreezeState.RELEASED)
        .values_list("redemption_id", flat=True)
    )
    items = {
        item.fact_id: item
        for item in SettlementItem.objects.filter(
            fact__redemption_id__in=ids, fact__kind=StepKind.CONFIRM
        ).select_related("line__batch")
    }
    steps = RedemptionStep.objects.filter(redemption_id__in=ids, kind=StepKind.CONFIRM)
    facts = []
    for step_id, redemption_id in steps.order_by("pk").values_list("pk", "redemption_id"):
        if redemption_id not in live or redemption_id in closed:
            continue
        item = items.get(step_id)
        facts.append(
            _Fact(
                step_id,
                live[redemption_id],
                item.line_id if item else None,
                item.line.batch.state if item else None,
            )
        )
    return facts


def _parts(redemption_ids: Sequence[UUID], booked_to: list[str]) -> dict[UUID, Parts]:
    found: dict[UUID, Parts] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(_PARTS, [list(redemption_ids), booked_to])
        for redemption_id, funder_id, fen in cursor.fetchall():
            found[redemption_id][funder_id] = fen
    return found


def _by_campaign(facts: Iterable[_Fact]) -> dict[UUID, list[_Fact]]:
    groups: dict[UUID, list[_Fact]] = defaultdict(list)
    for fact in facts:
        groups[fact.redemption.campaign_id].append(fact)
    return dict(sorted(groups.items()))


def _row(case: Case, fact: _Fact, parts: Parts, entry_id: UUID | None, now: datetime) -> FrozenFact:
    redemption = fact.redemption
    return FrozenFact(
        fact_id=fact.step_id,
        redemption=redemption,
        case=case,
        campaign_id=redemption.campaign_id,
        payee_id=redemption.payee_id,
        mode=fact.mode,
        funder_ids=list(parts),
        parts=list(parts.values()),
        amount_fen=sum(parts.values()),
        entry_id=entry_id if fact.mode == Mode.MONEY else None,
        owner_region=redemption.owner_region,
        store_region=redemption.store_region,
        frozen_at=now,
    )


def _sink(campaign_id: UUID) -> AccountKind:
    closed = Campaign.objects.filter(pk=campaign_id, state=CampaignState.CLOSED).exists()
    return AccountKind.RETURN_PAYABLE if closed else AccountKind.AVAILABLE


def _post(
    code: EntryCode, campaign_id: UUID, key: str, now: datetime, transfers: Sequence[Transfer]
) -> UUID | None:
    try:
        return entry_post(
            code=code,
            campaign_id=campaign_id,
            source_key=key,
            business_date=business_date(now),
            at=now,
            transfers=transfers,
        )
    except IntegrityError as error:
        if code == EntryCode.RECOVER and "account_not_negative" in str(error):
            raise RecoveryConflictError from error
        raise
