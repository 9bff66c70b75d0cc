"""A refund under way while its payment is being settled, with a control that shows the race."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections

from core.embedded.record import ServiceUrls
from core.transactions import transaction
from redemption.services.refund import redemptions_refund
from redemption.settlement import queries
from redemption.settlement.models import SettlementBatch, SettlementItem
from tests.factories.redemption import (
    AT,
    Shop,
    accepted,
    confirmed_make,
    refund_command,
    shop_make,
)
from tests.invariants.helpers import checks_failing
from tests.redemption.settlement.factories import NIGHT, build
from tests.support.threads import at_once

LOCK = "FOR NO KEY UPDATE"
WAITING = """
    SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def refund_while_built(shop: Shop) -> SettlementBatch:
    """Refund half of a payment, and build its batch before the refund commits."""
    redemption_id = confirmed_make(shop)
    # Money of the next business date, which an unguarded build could spend by mistake.
    confirmed_make(shop, at=AT.replace(hour=23, minute=30))
    command = refund_command(redemption_id, 5_000, at=AT + timedelta(hours=1))
    written, built = threading.Event(), threading.Event()

    def refund() -> None:
        with transaction(lock_timeout_ms=10_000):
            accepted(redemptions_refund(commands=[command]))
            written.set()
            waiting_or_done(built)
        connections.close_all()

    def settle() -> None:
        written.wait(60)
        try:
            build(shop, now=NIGHT)
        finally:
            built.set()
            connections.close_all()

    threads = [threading.Thread(target=work) for work in (refund, settle)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    return SettlementBatch.objects.get()


def waiting_or_done(done: threading.Event) -> None:
    """Return once another connection waits for a lock of ours, or has finished."""
    for _ in range(500):
        with connection.cursor() as cursor:
            # A transaction sees the sessions as they were when it first looked, unless it forgets.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(WAITING)
            if cursor.fetchone()[0] or done.wait(0.01):
                return


def settlement_failing() -> set[str]:
    """Return the checks of settlement that do not hold."""
    return {name for name in checks_failing() if name.startswith("settlement.")}


def test_a_refund_under_way_is_settled_with_its_payment(own_database: ServiceUrls) -> None:
    batch = refund_while_built(shop_make())
    assert (batch.payout_fen, batch.fact_count) == (1_350, 2)
    assert settlement_failing() == set()


@pytest.mark.broken_books
def test_control_without_the_lock_the_refund_is_missed(
    own_database: ServiceUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert LOCK in queries.LOCK_CANDIDATES
    monkeypatch.setattr(queries, "LOCK_CANDIDATES", queries.LOCK_CANDIDATES.replace(LOCK, ""))
    batch = refund_while_built(shop_make())
    assert batch.payout_fen == 2_700
    assert settlement_failing() == {"settlement.facts_together"}


def test_two_builders_make_one_batch(own_database: ServiceUrls) -> None:
    shop = shop_make()
    for _ in range(5):
        confirmed_make(shop)

    def work(_number: int) -> bool:
        return build(shop) is not None

    assert at_once(work, list(range(4)), threads=4).count(True) == 1
    batch = SettlementBatch.objects.get()
    assert (batch.payout_fen, batch.fact_count) == (13_500, 5)
    assert SettlementItem.objects.count() == 5
    assert settlement_failing() == set()
