"""Payments that race, on a database of their own; each guard with a control that shows the race."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event
from uuid import UUID

import pytest
from django.db import connections
from msgspec.structs import replace

from core.embedded.record import ServiceUrls
from core.ledger.models import Account
from core.transactions import transaction
from redemption.models import Redemption, RedemptionLine, RedemptionStep
from redemption.services import refund
from redemption.services.cancel import redemptions_cancel
from redemption.services.confirm import redemptions_confirm
from redemption.services.facts import StepOutcome
from redemption.services.hold import redemptions_hold
from redemption.services.refund import redemptions_refund
from redemption.services.requests import HoldCommand
from redemption.services.unhold import redemptions_release, redemptions_time_out
from tests.concurrency.test_claim_races import owner_execute
from tests.factories.campaigns import BatchPlan
from tests.factories.claims import vouchers_issued
from tests.factories.redemption import (
    AT,
    Shop,
    cancel_command,
    confirm_command,
    confirmed_make,
    held_make,
    held_twice_too_long,
    hold_command,
    refund_command,
    release_command,
    shop_make,
)
from tests.invariants.helpers import checks_failing
from tests.support.threads import at_once
from vouchers.models import Voucher
from vouchers.rules.model import LimitRule
from vouchers.services.expiry import vouchers_expire

SQL = Path(__file__).parents[2] / "redemption" / "sql"
HOLD_LOCK = "    PERFORM vouchers_lock(v_vouchers);\n"
SOON = AT + timedelta(minutes=1)


def hold(command: HoldCommand) -> StepOutcome:
    """Hold one."""
    return redemptions_hold(commands=[command])[0]


def hundred_on_one() -> list[HoldCommand]:
    """Return a hundred payments with one and the same voucher."""
    shop = shop_make()
    (voucher,) = vouchers_issued(shop.batch)
    return [hold_command(shop.payment(voucher=voucher)) for _ in range(100)]


def test_a_hundred_payments_with_one_voucher_are_one_hold(own_database: ServiceUrls) -> None:
    answers = at_once(hold, hundred_on_one(), threads=25)
    assert Counter(one.outcome for one in answers) == {"ACCEPTED": 1, "REFUSED": 99}
    refused = {refusal.code for one in answers for refusal in one.refusals}
    assert refused == {"voucher.held"}
    assert Redemption.objects.count() == RedemptionLine.objects.filter(live=True).count() == 1
    assert sum(Account.objects.filter(kind="HELD").values_list("balance_fen", flat=True)) == 3_000


@pytest.mark.broken_books
def test_control_without_the_lock_one_voucher_is_held_more_than_once(
    own_database: ServiceUrls,
) -> None:
    commands = hundred_on_one()
    source = (SQL / "redemptions_hold.sql").read_text(encoding="utf-8")
    assert HOLD_LOCK in source
    pause = "    IF true = ANY (v_accepted) THEN\n        WITH accepted AS (\n"
    assert source.count(pause) == 1
    owner_execute(
        source.replace(HOLD_LOCK, "").replace(
            pause, pause.replace("THEN", "THEN PERFORM pg_sleep(0.3);")
        ),
        "DROP INDEX redemption_line_one_live",
        "ALTER TABLE core_account DROP CONSTRAINT account_not_negative",
        "ALTER TABLE vouchers_voucher DISABLE TRIGGER USER",
    )
    answers = at_once(hold, commands, threads=25)
    assert sum(one.outcome == "ACCEPTED" for one in answers) > 1


def test_one_hold_sent_twenty_times_at_once_is_one_hold_and_nineteen_replays(
    own_database: ServiceUrls,
) -> None:
    shop = shop_make()
    for named in (True, False):
        (voucher,) = vouchers_issued(shop.batch)
        payment = shop.payment(voucher=voucher)
        if not named:
            payment = replace(payment, voucher_ids=(), person_id=voucher.enrolment_id)
        answers = at_once(hold, [hold_command(payment)] * 20, threads=20)
        assert Counter(one.outcome for one in answers) == {"ACCEPTED": 1, "REPLAY": 19}
        assert len({one.fact.step_id for one in answers if one.fact}) == 1


def test_a_hold_that_waited_for_its_twin_is_a_replay(own_database: ServiceUrls) -> None:
    """The twin has the voucher's lock and commits while this one waits for it."""
    shop = shop_make()
    (voucher,) = vouchers_issued(shop.batch)
    command = hold_command(shop.payment(voucher=voucher))

    def late() -> StepOutcome:
        try:
            return hold(command)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction():
            (first,) = redemptions_hold(commands=[command])
            other = pool.submit(late)
            wait_until_blocked()
        second = other.result(timeout=30)
    assert (first.outcome, second.outcome) == ("ACCEPTED", "REPLAY")
    assert second.fact == first.fact


def test_one_order_held_at_once_with_ten_vouchers_takes_one(own_database: ServiceUrls) -> None:
    shop = shop_make()
    commands = [
        hold_command(shop.payment(voucher=voucher), order_no="ORDER-1")
        for voucher in vouchers_issued(shop.batch, 10)
    ]
    answers = at_once(hold, commands, threads=10)
    assert Counter(one.outcome for one in answers) == {"ACCEPTED": 1, "REFUSED": 9}
    codes = {refusal.code for one in answers for refusal in one.refusals}
    assert codes == {"redemption.stacking_not_allowed"}


def confirm(redemption_id: UUID) -> StepOutcome:
    """Confirm one long after its hold has ended."""
    late = confirm_command(redemption_id, at=AT + timedelta(minutes=10))
    return redemptions_confirm(commands=[late])[0]


def test_two_late_confirms_of_one_order_at_once_take_one(own_database: ServiceUrls) -> None:
    pairs = [held_twice_too_long(shop_make()) for _ in range(3)]
    for pair in pairs:
        answers = at_once(confirm, pair, threads=2)
        assert sorted(one.outcome for one in answers) == ["ACCEPTED", "REFUSED"]


@pytest.mark.broken_books
def test_control_without_the_orders_lock_both_late_confirms_count(
    own_database: ServiceUrls,
) -> None:
    pair = held_twice_too_long(shop_make())
    source = (SQL / "redemptions_confirm.sql").read_text(encoding="utf-8")
    lock = "PERFORM redemption_orders_lock("
    pause = "    IF true = ANY (v_accepted) THEN\n        INSERT INTO"
    assert (source.count(lock), source.count(pause)) == (1, 1)
    owner_execute(
        source.replace(lock, "PERFORM cardinality(").replace(
            pause, pause.replace("THEN", "THEN PERFORM pg_sleep(1);")
        )
    )
    answers = at_once(confirm, pair, threads=2)
    assert [one.outcome for one in answers] == ["ACCEPTED", "ACCEPTED"]


def wait_until_blocked() -> None:
    """Return once another session of this database waits for a lock."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    pause = Event()
    for _ in range(1_000):
        with connections["owner"].cursor() as cursor:
            cursor.execute(waiting)
            if cursor.fetchone()[0]:
                return
        pause.wait(0.01)
    raise AssertionError("nobody waits")


def deadlocks() -> int:
    """Return how many deadlocks this database has seen."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def test_groups_that_time_out_old_holds_of_two_batches_do_not_deadlock(
    own_database: ServiceUrls,
) -> None:
    """Each group times out a hold of one batch, then holds vouchers of both: accounts in order."""
    shop = shop_make(batches=[BatchPlan(limits=()), BatchPlan(face_fen=2_000, limits=())])
    first, second = (vouchers_issued(batch, 4) for batch in shop.live.batches)
    for voucher in (first[0], second[0], first[3], second[3]):
        held_make(shop, voucher)
    late = AT + timedelta(minutes=3)
    groups = [
        [hold_command(shop.payment(voucher=one, at=late)) for one in vouchers]
        for vouchers in ((first[0], second[1]), (second[0], first[1]))
    ]
    source = (SQL / "redemptions_hold.sql").read_text(encoding="utf-8")
    entry = "'TIME_OUT');\n"
    assert source.count(entry) == 1
    # Wide enough that both groups have timed out their old hold before either goes on.
    owner_execute(source.replace(entry, f"{entry} PERFORM pg_sleep(0.3);"))
    outcomes = at_once(lambda group: redemptions_hold(commands=group), groups, threads=2)
    assert [one.outcome for group in outcomes for one in group] == ["ACCEPTED"] * 4
    assert deadlocks() == 0


def test_twenty_refunds_at_once_never_give_back_more_than_was_paid(
    own_database: ServiceUrls,
) -> None:
    shop = shop_make()
    redemption_id = confirmed_make(shop)
    commands = [refund_command(redemption_id, 1_500, at=SOON) for _ in range(20)]
    answers = at_once(lambda one: redemptions_refund(commands=[one])[0], commands, threads=20)
    assert Counter(one.outcome for one in answers) == {"ACCEPTED": 6, "REFUSED": 14}
    assert {refusal.code for one in answers for refusal in one.refusals} == {"refund.exceeds"}
    row = Redemption.objects.get(pk=redemption_id)
    assert (row.refunded_order_fen, row.refunded_payer_fen) == (9_000, 6_300)
    assert row.refunded_subsidy_fen == 2_700


@pytest.mark.broken_books
def test_control_without_the_lock_refunds_give_back_too_much(
    own_database: ServiceUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = shop_make()
    redemption_id = confirmed_make(shop)
    commands = [refund_command(redemption_id, 1_500, at=SOON) for _ in range(20)]
    monkeypatch.setattr(refund, "reversal_lock", lambda **_: None)
    owner_execute(
        "ALTER TABLE redemption_redemptionstep DROP CONSTRAINT redemption_step_seq",
        "ALTER TABLE core_account DROP CONSTRAINT account_not_negative",
    )
    at_once(lambda one: redemptions_refund(commands=[one])[0], commands, threads=20)
    refunds = RedemptionStep.objects.filter(kind="REFUND").values_list("order_fen", flat=True)
    assert sum(refunds) > 10_000


def everything_at_once(shop: Shop, vouchers: Sequence[Voucher]) -> list[Callable[[], object]]:
    """Return calls that want the same vouchers in every way, some of them just too late."""
    held = [held_make(shop, voucher) for voucher in vouchers]
    over = AT + timedelta(minutes=2)
    calls: list[Callable[[], object]] = []
    for redemption_id, voucher in zip(held, vouchers, strict=True):
        confirm = confirm_command(redemption_id, at=over)
        release = release_command(redemption_id, at=over)
        again = hold_command(shop.payment(voucher=voucher, at=over))
        cancel = cancel_command(redemption_id, at=over)
        back = refund_command(redemption_id, 10_000, at=over)
        part = refund_command(redemption_id, 3_333, at=over)
        calls += [
            partial(redemptions_confirm, commands=[confirm]),
            partial(redemptions_release, commands=[release]),
            partial(redemptions_hold, commands=[again]),
            partial(redemptions_cancel, commands=[cancel]),
            partial(redemptions_refund, commands=[back]),
            partial(redemptions_refund, commands=[part]),
            partial(redemptions_confirm, commands=[confirm]),
        ]
    after_all = vouchers[0].valid_until + timedelta(minutes=5)
    calls += [partial(redemptions_time_out, now=over)] * 3
    calls += [partial(vouchers_expire, now=after_all)] * 3
    return calls


def test_a_sweep_passes_what_stays_locked_and_the_next_one_gets_it(
    own_database: ServiceUrls,
) -> None:
    shop = shop_make()
    locked, free = (held_make(shop) for _ in range(2))
    over = AT + timedelta(minutes=10)
    with connections["owner"].cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1 FROM redemption_redemption WHERE id = %s FOR UPDATE", [locked])
        assert redemptions_time_out(now=over, chunk=1) == 1
        cursor.execute("ROLLBACK")
    states = dict(Redemption.objects.values_list("pk", "state"))
    assert states == {locked: "HELD", free: "TIMED_OUT"}
    assert redemptions_time_out(now=over, chunk=1) == 1


def test_every_step_at_once_leaves_sound_books(own_database: ServiceUrls) -> None:
    limit = LimitRule(
        code="use", side="REDEMPTION", scope="CAMPAIGN", window="DAY", count=1, keys=("DOCUMENT",)
    )
    shop = shop_make(batches=[BatchPlan(limits=(limit,), units=200)])
    calls = everything_at_once(shop, vouchers_issued(shop.batch, 30))
    random.Random(33).shuffle(calls)
    at_once(lambda call: call(), calls, threads=12)
    redemptions_time_out(now=AT + timedelta(minutes=10))
    failing = checks_failing()
    assert failing == {}
    assert deadlocks() == 0
    live = RedemptionLine.objects.filter(live=True).values_list("voucher__state", flat=True)
    assert set(live) <= {"HELD", "REDEEMED"}
