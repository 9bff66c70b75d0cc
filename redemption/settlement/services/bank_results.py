"""What the bank answered to payouts, entered by hand or from its file."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from django.db import IntegrityError

from core.access.models import User
from core.access.roles import assert_may
from core.audit.services import audit_record
from core.clock import business_date
from core.ledger.models import AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from core.transactions import retry_conflicts, transaction_joined
from redemption.models import ExceptionItem
from redemption.settlement.errors import (
    CashShortError,
    PayoutAmountError,
    PayoutResultError,
    PayoutUnknownError,
)
from redemption.settlement.models import BankLine, Payout, ReconFile, SettlementBatch
from redemption.settlement.services.payouts import cash_funders
from redemption.settlement.states import PAYOUT_STATES, BatchState, PayoutState

ACTION = "redemption.record_payout"


@dataclass(frozen=True, slots=True)
class BankResult:
    """One answer of the bank: PAID or RETURNED, with its own reference and value date."""

    reference: str
    outcome: Literal["PAID", "RETURNED"]
    amount_fen: int
    bank_ref: str
    value_date: date
    reason: str = ""
    row_no: int = 1


@dataclass(frozen=True, slots=True)
class ResultOutcome:
    """What a result did: ``replayed`` if it was on record already."""

    payout_id: UUID
    replayed: bool


@retry_conflicts
def bank_results_record(
    *, results: Sequence[BankResult], actor: User, now: datetime, file: ReconFile | None = None
) -> list[ResultOutcome]:
    """Record results of payouts that were sent; all of them or none.

    A result on record already changes nothing. A returned payout opens an exception with its
    amount; a later success closes it. A batch is PAID when every payout is, PARTIALLY_PAID when
    every payout has a result and some were returned.

    Raises:
        PayoutUnknownError, PayoutAmountError, PayoutResultError: the first wrong result.
        StateConflictError: the payout was not sent.
        CashShortError: paying would overdraw a funder's cash.
        DomainError: ``access.permission_denied``.
    """
    with transaction_joined():
        payouts = _locked(results)
        known = {
            (line.payout_id, line.attempt): line
            for line in BankLine.objects.filter(payout__in=payouts.values())
        }
        outcomes: list[ResultOutcome] = []
        fresh: list[tuple[BankResult, Payout]] = []
        for result in results:
            payout = payouts[result.reference]
            assert_may(actor, ACTION, payout.owner_region)
            line = known.get((payout.pk, payout.attempts))
            replayed = line is not None and _same(line, result)
            if not replayed:
                _assert_fits(result, payout, line)
                known[payout.pk, payout.attempts] = _line(result, payout, file, actor, now)
                fresh.append((result, payout))
            outcomes.append(ResultOutcome(payout.pk, replayed))
        _write(fresh, known, now)
        _batches_settle({payout.batch_id for _result, payout in fresh}, now)
        _audit(fresh, actor, now, file)
        _post(fresh, now)
    return outcomes


def _locked(results: Iterable[BankResult]) -> dict[str, Payout]:
    references = {result.reference for result in results}
    batches = Payout.objects.filter(reference__in=references).values_list("batch_id", flat=True)
    list(SettlementBatch.objects.select_for_update().filter(pk__in=set(batches)).order_by("pk"))
    found = {
        payout.reference: payout
        for payout in Payout.objects.select_for_update()
        .filter(reference__in=references)
        .order_by("pk")
    }
    for reference in sorted(references - set(found)):
        raise PayoutUnknownError(data={"reference": reference})
    return found


def _same(line: BankLine, result: BankResult) -> bool:
    return (line.outcome, line.amount_fen, line.bank_ref) == (
        result.outcome,
        result.amount_fen,
        result.bank_ref,
    )


def _assert_fits(result: BankResult, payout: Payout, line: BankLine | None) -> None:
    if line is not None:
        raise PayoutResultError(data={"reference": payout.reference})
    if payout.state != PayoutState.SENT:
        raise PAYOUT_STATES.conflict(payout.state, result.outcome)
    if result.amount_fen != payout.amount_fen:
        raise PayoutAmountError(
            data={
                "reference": payout.reference,
                "expected_fen": payout.amount_fen,
                "given_fen": result.amount_fen,
            }
        )


def _line(
    result: BankResult, payout: Payout, file: ReconFile | None, actor: User, now: datetime
) -> BankLine:
    return BankLine(
        file=file,
        row_no=result.row_no,
        payout=payout,
        attempt=payout.attempts,
        outcome=result.outcome,
        amount_fen=result.amount_fen,
        bank_ref=result.bank_ref,
        value_date=result.value_date,
        reason=result.reason,
        recorded_by=actor,
        at=now,
    )


def _write(
    fresh: Sequence[tuple[BankResult, Payout]],
    lines: Mapping[tuple[UUID, int], BankLine],
    now: datetime,
) -> None:
    BankLine.objects.bulk_create([lines[payout.pk, payout.attempts] for _, payout in fresh])
    for result, payout in fresh:
        payout.state = PayoutState(result.outcome)
        payout.bank_ref, payout.settled_at = result.bank_ref, now
        payout.paid_on = result.value_date if result.outcome == "PAID" else None
        payout.failure = result.reason
    Payout.objects.bulk_update(
        [payout for _, payout in fresh],
        ["state", "bank_ref", "settled_at", "paid_on", "failure"],
        batch_size=500,
    )
    ExceptionItem.objects.bulk_create(
        ExceptionItem(
            kind=ExceptionItem.Kind.PAYOUT_RETURNED,
            subject_id=f"{payout.reference}:{payout.attempts}",
            owner_region=payout.owner_region,
            amount_fen=payout.amount_fen,
            data={"reference": payout.reference, "reason": result.reason},
            opened_at=now,
        )
        for result, payout in fresh
        if result.outcome == "RETURNED"
    )
    paid_again = [
        f"{payout.reference}:{attempt}"
        for result, payout in fresh
        if result.outcome == "PAID"
        for attempt in range(1, payout.attempts)
    ]
    ExceptionItem.objects.filter(
        kind=ExceptionItem.Kind.PAYOUT_RETURNED,
        subject_id__in=paid_again,
        state=ExceptionItem.State.OPEN,
    ).update(state=ExceptionItem.State.RESOLVED, resolution="重新划付成功", resolved_at=now)


def _batches_settle(batch_ids: Collection[UUID], now: datetime) -> None:
    for batch in SettlementBatch.objects.filter(pk__in=batch_ids).order_by("pk"):
        states = set(batch.payouts.values_list("state", flat=True))
        if states == {PayoutState.PAID}:
            batch.state, batch.paid_at = BatchState.PAID, now
        elif PayoutState.SENT not in states:
            batch.state = BatchState.PARTIALLY_PAID
        batch.save(update_fields=["state", "paid_at"])


def _post(fresh: Sequence[tuple[BankResult, Payout]], now: datetime) -> None:
    """One entry per batch and outcome: what was paid, and what the bank returned."""
    groups: dict[tuple[UUID, str], list[Payout]] = defaultdict(list)
    for result, payout in fresh:
        groups[payout.batch_id, result.outcome].append(payout)
    campaigns = dict(
        SettlementBatch.objects.filter(pk__in={key[0] for key in groups}).values_list(
            "pk", "campaign_id"
        )
    )
    for (batch_id, outcome), payouts in sorted(groups.items()):
        campaign_id = campaigns[batch_id]
        first = min(payout.pk for payout in payouts)
        attempt = max(payout.attempts for payout in payouts)
        try:
            entry_post(
                code=EntryCode.PAY if outcome == "PAID" else EntryCode.PAY_RETURNED,
                campaign_id=campaign_id,
                source_key=f"payout:{outcome.lower()}:{first}:{attempt}",
                business_date=business_date(now),
                at=now,
                transfers=_transfers(payouts, outcome, cash_funders(campaign_id)),
            )
        except IntegrityError as error:
            if "account_not_negative" not in str(error):
                raise
            raise CashShortError from error


def _transfers(
    payouts: Sequence[Payout], outcome: str, prefunded: frozenset[UUID]
) -> list[Transfer]:
    transfers = []
    for payout in payouts:
        for funder_id, fen in zip(payout.funder_ids, payout.parts, strict=True):
            unit = None
            if outcome == "RETURNED":
                target, unit = AccountKind.SETTLING, payout.payee_id
            elif funder_id in prefunded:
                target = AccountKind.CASH
            else:
                target = AccountKind.ADVANCE_PAYABLE
            transfers.append(
                Transfer(funder_id, AccountKind.IN_TRANSIT, target, fen, payout.payee_id, unit)
            )
    return transfers


def _audit(
    fresh: Sequence[tuple[BankResult, Payout]], actor: User, now: datetime, file: ReconFile | None
) -> None:
    for result, payout in fresh:
        audit_record(
            action="payout.result",
            subject_type="payout",
            subject_id=payout.pk,
            now=now,
            actor=actor,
            owner_region=payout.owner_region,
            reason=result.reason,
            data={
                "reference": payout.reference,
                "outcome": result.outcome,
                "amount_fen": result.amount_fen,
                "bank_ref": result.bank_ref,
                "file": file.pk if file else None,
            },
        )
