"""The bureau's days: settlement checked, approved, sent and answered by the bank; cases decided."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.approvals.models import Approval
from core.screening.models import Case, CaseState
from core.screening.services.cases import case_decide, case_review_start
from redemption.models import ExceptionItem
from redemption.rehearsal.crew import Crew
from redemption.settlement.models import Payout, SettlementBatch
from redemption.settlement.services.bank_results import BankResult, bank_results_record
from redemption.settlement.services.lifecycle import settlement_check, settlement_submit
from redemption.settlement.services.payouts import settlement_send
from redemption.settlement.states import BatchState, PayoutState

INSIDER_RULE = "FM10"
CLOSED_BATCHES = (BatchState.PAID, BatchState.REJECTED)


def settlement_day(campaign_id: UUID, crew: Crew, now: datetime) -> None:
    """Do what is due: check, approve, send, and enter the bank's answers."""
    maker = crew.user("jiesuan")
    for batch in _batches(campaign_id, BatchState.DRAFT):
        settlement_check(batch_id=batch.pk, actor=maker, now=now)
    for batch in _batches(campaign_id, BatchState.CHECKED):
        crew.approve(settlement_submit(batch_id=batch.pk, maker=maker, now=now), "jiesuanfh", now)
    for batch in _batches(campaign_id, BatchState.APPROVED, BatchState.PARTIALLY_PAID):
        if batch.due_on <= now.date():
            settlement_send(batch_id=batch.pk, actor=maker, now=now)
    _bank_answers(campaign_id, crew, now)


def _batches(campaign_id: UUID, *states: BatchState) -> Sequence[SettlementBatch]:
    return list(
        SettlementBatch.objects.filter(
            campaign_id=campaign_id, state__in=states, built_at__isnull=False
        ).order_by("business_date", "pk")
    )


def _bank_answers(campaign_id: UUID, crew: Crew, now: datetime) -> None:
    """Pay what was sent; the bank returns the programme's very first payout once."""
    sent = Payout.objects.filter(batch__campaign_id=campaign_id, state=PayoutState.SENT)
    first = Payout.objects.filter(batch__campaign_id=campaign_id).order_by("created_at").first()
    results = [
        _result(payout, now, returned=payout == first and payout.attempts == 1)
        for payout in sent.order_by("reference")
    ]
    if results:
        bank_results_record(results=results, actor=crew.user("caizheng"), now=now)


def _result(payout: Payout, now: datetime, *, returned: bool) -> BankResult:
    return BankResult(
        reference=payout.reference,
        outcome="RETURNED" if returned else "PAID",
        amount_fen=payout.amount_fen,
        bank_ref=f"BK{payout.reference[2:]}{payout.attempts}",
        value_date=now.date(),
        reason="账号户名不符（演示）" if returned else "",
    )


def cases_decide(campaign_id: UUID, crew: Crew, now: datetime) -> int:
    """Review and release every open case, a second person agreeing where the amount asks for it."""
    cases = Case.objects.filter(
        campaign_id=campaign_id, state__in=(CaseState.OPEN, CaseState.IN_REVIEW)
    ).order_by("opened_at", "pk")
    decided = 0
    for case in cases:
        case_review_start(case_id=case.pk, actor=crew.user("fengkong"), now=now)
        answer = case_decide(
            case_id=case.pk,
            outcome=CaseState.RELEASED,
            reason=_conclusion(case),
            actor=crew.user("fengkong"),
            now=now,
        )
        if isinstance(answer, Approval):
            crew.approve(answer, "fengkongfh", now)
        decided += 1
    return decided


def _conclusion(case: Case) -> str:
    """Return what the visit to the store found; people released a case for it, so it fits."""
    rules = set(case.hits.values_list("rule", flat=True))
    if INSIDER_RULE in rules:
        return "现场核实：店员在本店的消费真实，未见套现，金额小；已责令店员回避并整改（演示）"
    return "现场核实：客流高峰时段连续收银，顾客各不相同，属正常经营（演示）"


def everything_is_paid(campaign_id: UUID) -> bool:
    """Tell whether every batch is paid or was rejected, and no returned payout is left."""
    batches = SettlementBatch.objects.filter(campaign_id=campaign_id)
    return not (
        batches.exclude(state__in=CLOSED_BATCHES).exists()
        or ExceptionItem.objects.filter(
            kind=ExceptionItem.Kind.PAYOUT_RETURNED, state=ExceptionItem.State.OPEN
        ).exists()
    )
