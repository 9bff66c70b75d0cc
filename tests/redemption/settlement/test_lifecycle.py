"""From draft to paid, and back: every state change with its ledger entry."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from core.access.models import Role
from core.access.roles import PermissionRefusedError
from core.approvals.errors import ConfigurationChangedError, MakerIsCheckerError
from core.approvals.services import approval_decide
from core.ledger.models import AccountKind, Entry, EntryCode
from core.models import AuditEvent
from core.states import StateConflictError
from redemption.models import ExceptionItem
from redemption.settlement.errors import (
    ApprovalPendingError,
    BatchContentError,
    CashShortError,
    LaterBatchError,
    NotDueError,
    PayoutAmountError,
    PayoutResultError,
    PayoutUnknownError,
)
from redemption.settlement.models import BankLine, Payout, SettlementBatch, SettlementItem
from redemption.settlement.services.lifecycle import (
    settlement_check,
    settlement_reject,
    settlement_submit,
)
from redemption.settlement.services.payouts import settlement_send
from redemption.settlement.states import BatchState, PayoutState
from tests.factories.campaigns import later
from tests.factories.redemption import confirmed_make, shop_make
from tests.factories.staff import staff_make
from tests.redemption.settlement.factories import (
    DAY,
    MONDAY,
    NIGHT,
    answer,
    approved,
    balances,
    built,
    maker_make,
    paid,
    reduced,
    results_record,
    sent,
)

pytestmark = pytest.mark.django_db


def test_a_paid_batch_takes_cash_or_owes_the_advancing_party() -> None:
    shop = shop_make()
    confirmed_make(shop)
    before = balances(shop)
    batch = paid(built(shop))
    payout = batch.payouts.get()
    assert (batch.state, batch.paid_at) == (BatchState.PAID, MONDAY)
    assert (payout.state, payout.amount_fen, payout.attempts) == (PayoutState.PAID, 2_700, 1)
    assert (payout.bank_ref, payout.paid_on) == (f"B{payout.reference}", MONDAY.date())
    after = balances(shop)
    # 财政 20.00 is prefunded, the bank's 7.00 were advanced by the operator.
    assert before["CASH"] - after["CASH"] == 2_000
    assert after["ADVANCE_PAYABLE"] == 700
    assert not {"PAYABLE", "SETTLING", "IN_TRANSIT"} & set(after)


def test_approval_binds_the_lines_and_needs_two_people() -> None:
    shop = shop_make()
    confirmed_make(shop)
    batch = built(shop)
    maker = maker_make()
    settlement_check(batch_id=batch.pk, actor=maker, now=MONDAY)
    approval = settlement_submit(batch_id=batch.pk, maker=maker, now=MONDAY)
    with pytest.raises(MakerIsCheckerError):
        approval_decide(approval_id=approval.pk, checker=maker, agree=True, now=MONDAY)
    with pytest.raises(ApprovalPendingError):
        settlement_reject(batch_id=batch.pk, actor=maker, reason="重做", now=MONDAY)
    with pytest.raises(PermissionRefusedError):
        approval_decide(approval_id=approval.pk, checker=maker_make(), agree=True, now=MONDAY)
    line = batch.lines.get()
    line.fact_count = 2
    line.save()
    with pytest.raises(ConfigurationChangedError):
        approval_decide(
            approval_id=approval.pk,
            checker=staff_make(Role.SETTLEMENT_CHECKER),
            agree=True,
            now=MONDAY,
        )
    batch.refresh_from_db()
    assert (batch.state, Payout.objects.count()) == (BatchState.CHECKED, 0)
    assert balances(shop)["SETTLING"] == 2_700


def test_a_batch_that_disagrees_with_its_facts_is_not_checked() -> None:
    shop = shop_make()
    confirmed_make(shop)
    batch = built(shop)
    line = batch.lines.get()
    line.parts = [2_000, 701]
    line.amount_fen = 2_701
    line.save()
    with pytest.raises(BatchContentError) as caught:
        settlement_check(batch_id=batch.pk, actor=maker_make(), now=MONDAY)
    assert caught.value.data == {"faults": "batch_totals, line_totals"}
    batch.refresh_from_db()
    assert batch.state == BatchState.DRAFT


def test_nothing_is_sent_before_it_is_due_or_approved() -> None:
    shop = shop_make()
    confirmed_make(shop)
    batch = built(shop)
    with pytest.raises(StateConflictError):
        settlement_send(batch_id=batch.pk, actor=maker_make(), now=MONDAY)
    approved(batch, NIGHT)
    with pytest.raises(NotDueError):
        settlement_send(batch_id=batch.pk, actor=maker_make(), now=NIGHT + timedelta(days=1))
    assert batch.payouts.get().state == PayoutState.PENDING


def test_a_batch_without_cash_is_refused_with_the_shortfall() -> None:
    shop = shop_make(paid_in=False)
    confirmed_make(shop)
    batch = approved(built(shop))
    with pytest.raises(CashShortError) as caught:
        settlement_send(batch_id=batch.pk, actor=maker_make(), now=MONDAY)
    assert caught.value.data["shortfall_fen"] == 2_000
    batch.refresh_from_db()
    assert (batch.state, batch.payouts.get().state) == (BatchState.APPROVED, PayoutState.PENDING)


def test_a_rejected_batch_frees_its_facts_and_leaves_a_trace() -> None:
    shop = shop_make()
    confirmed_make(shop)
    before = balances(shop)
    batch = built(shop)
    maker = maker_make()
    settlement_reject(batch_id=batch.pk, actor=maker, reason="账户有误", now=MONDAY)
    batch.refresh_from_db()
    assert (batch.state, SettlementItem.objects.count()) == (BatchState.REJECTED, 0)
    assert balances(shop) == before
    event = AuditEvent.objects.get(action="settlement.reject")
    assert (event.reason, event.data["items"], event.data["lines"]) == ("账户有误", 1, 1)
    again = built(shop)
    assert (again.code[-2:], again.payout_fen) == ("-2", 2_700)


def test_an_earlier_batch_stands_while_a_later_one_rests_on_it() -> None:
    shop = shop_make()
    first = confirmed_make(shop)
    approved(built(shop))
    reduced(first, 3_000, NIGHT)
    day = DAY + timedelta(days=1)
    second = built(shop, day, NIGHT + timedelta(days=1))
    confirmed_make(shop, at=later(days=2))
    third = built(shop, day + timedelta(days=1), NIGHT + timedelta(days=2))
    before = balances(shop)
    with pytest.raises(LaterBatchError) as caught:
        settlement_reject(batch_id=second.pk, actor=maker_make(), reason="x", now=MONDAY)
    assert caught.value.data == {"batch": third.code}
    assert balances(shop) == before
    settlement_reject(batch_id=third.pk, actor=maker_make(), reason="x", now=MONDAY)
    settlement_reject(batch_id=second.pk, actor=maker_make(), reason="x", now=MONDAY)
    assert balances(shop)["MERCHANT_RECEIVABLE"] == 2_700
    assert balances(shop)["PAYABLE"] == 2_700
    again = built(shop, day + timedelta(days=1), NIGHT + timedelta(days=2))
    assert (again.positive_fen, again.negative_fen, again.payout_fen) == (2_700, -2_700, 0)


def test_a_batch_that_pays_nobody_is_paid_when_sent() -> None:
    shop = shop_make()
    first = confirmed_make(shop)
    approved(built(shop))
    reduced(first, 3_000, NIGHT)
    second = built(shop, DAY + timedelta(days=1), NIGHT + timedelta(days=1))
    assert sent(second).state == BatchState.PAID
    assert second.payouts.count() == 0


def test_a_returned_payout_is_an_exception_and_alone_sent_again() -> None:
    shop = shop_make()
    confirmed_make(shop)
    batch = sent(built(shop))
    payout = batch.payouts.get()
    results_record([answer(payout, "RETURNED", reason="户名不符")])
    batch.refresh_from_db()
    assert batch.state == BatchState.PARTIALLY_PAID
    assert (balances(shop)["SETTLING"], "IN_TRANSIT" in balances(shop)) == (2_700, False)
    item = ExceptionItem.objects.get(kind=ExceptionItem.Kind.PAYOUT_RETURNED)
    assert (item.amount_fen, item.data["reason"]) == (2_700, "户名不符")
    settlement_send(batch_id=batch.pk, actor=maker_make(), now=MONDAY)
    assert balances(shop)["IN_TRANSIT"] == 2_700
    results_record([answer(payout)])
    payout.refresh_from_db()
    item.refresh_from_db()
    assert (payout.state, payout.attempts, item.state) == (PayoutState.PAID, 2, "RESOLVED")
    assert BankLine.objects.filter(payout=payout).count() == 2


def test_results_are_checked_against_the_payout_and_counted_once() -> None:
    shop = shop_make()
    confirmed_make(shop)
    batch = sent(built(shop))
    payout = batch.payouts.get()
    with pytest.raises(PayoutUnknownError):
        results_record([answer(payout), answer(payout, reference="PO0")])
    with pytest.raises(PayoutAmountError):
        results_record([answer(payout, amount_fen=2_699)])
    assert BankLine.objects.count() == 0
    assert balances(shop)["IN_TRANSIT"] == 2_700
    results_record([answer(payout)])
    results_record([answer(payout)])
    assert BankLine.objects.count() == 1
    assert Entry.objects.filter(code=EntryCode.PAY).count() == 1
    with pytest.raises(PayoutResultError):
        results_record([answer(payout, "RETURNED")])


def test_the_database_keeps_lines_of_an_approved_batch() -> None:
    shop = shop_make()
    confirmed_make(shop)
    batch = approved(built(shop))
    for statement in (
        "DELETE FROM redemption_settlementitem",
        "UPDATE redemption_settlementline SET fact_count = 9",
        "UPDATE redemption_settlementbatch SET payout_fen = 1, positive_fen = 1",
        "UPDATE redemption_settlementbatch SET state = 'REJECTED'",
        "UPDATE redemption_payout SET amount_fen = 1, parts = '{1}', funder_ids = funder_ids[:1]",
    ):
        with (
            pytest.raises(DatabaseError, match=r"frozen|[Cc]annot|state"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert SettlementItem.objects.count() == 1
    assert SettlementBatch.objects.get(pk=batch.pk).payout_fen == 2_700
    assert AccountKind.IN_TRANSIT in balances(shop)
