"""Return vouchers of two batches under one cap, given by many workers at once."""

import threading
from collections import Counter
from contextlib import suppress
from copy import deepcopy
from datetime import datetime
from typing import Any

import pytest

from core.clock import TIME_ZONE
from core.embedded.record import ServiceUrls
from core.models import Delivery
from core.outbox.services import delivery_process
from merchants.models import Terminal
from redemption.models import Reward
from redemption.returns import issuing
from redemption.returns.purchases import Purchase, told_before
from redemption.services.purchases import PurchaseCommand, purchases_report
from redemption.services.requests import PaymentRequest
from tests.factories.definitions import capped_document
from tests.factories.merchants import client_make
from tests.factories.persons import enrolments_make
from tests.factories.running import campaign_running
from tests.invariants.helpers import assert_sound
from tests.support.threads import at_once
from vouchers.models import CapUse, Enrolment
from vouchers.services.releases import quota_release_open

OPENS = datetime(2026, 3, 6, 8, tzinfo=TIME_ZONE)
ORDERS = (8_000, 20_000, 4_000)
"""Both batches, the second alone, the first alone."""
PEOPLE, THREADS = 45, 8


def two_returns() -> dict[str, Any]:
    document = capped_document(units=1_000)
    first, second = document["batches"]
    for batch, least, below in ((first, 3_000, 9_000), (second, 5_000, None)):
        trigger = {"source": "TRANSACTION", "from_fen": least, "below_fen": below}
        batch["rules"] = deepcopy(batch["rules"]) | {
            "issuing": "RETURN",
            "trigger": {**trigger, "use": {"whitelist": False}},
        }
    return document


def test_no_delivery_waits_for_another_for_ever(own_database: ServiceUrls) -> None:
    campaign_running(two_returns())
    quota_release_open(now=OPENS)
    people = enumerate(enrolments_make(client_make(), PEOPLE))
    commands = [purchase(person, number, ORDERS[number % 3]) for number, person in people]
    assert {one.outcome for one in purchases_report(commands=commands)} == {"ACCEPTED"}
    deliver()
    tried = Delivery.objects.values_list("state", "attempts", "last_error")
    assert set(tried) == {("ACKNOWLEDGED", 1, "")}
    assert Reward.objects.filter(state="ISSUED").count() == PEOPLE // 3 * 4
    assert CapUse.objects.get().used_units == PEOPLE // 3 * 4
    assert_sound()


def test_one_purchase_reported_twice_at_once_counts_once(own_database: ServiceUrls) -> None:
    report_twice()
    deliver()
    assert outcomes() == {("ISSUED", ""): PEOPLE, ("REFUSED", "transaction.reported_twice"): PEOPLE}
    assert_sound()


def test_control_without_the_lock_it_counts_twice(
    own_database: ServiceUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    report_twice()
    both_have_looked = threading.Barrier(2)

    def look(purchase: Purchase) -> bool:
        found = told_before(purchase)
        with suppress(threading.BrokenBarrierError):
            both_have_looked.wait(timeout=10)
        return found

    monkeypatch.setattr(issuing, "told_before", look)
    monkeypatch.setattr(issuing, "batches_lock", lambda **_batches: None)
    deliver()
    assert outcomes()["ISSUED", ""] > PEOPLE


def outcomes() -> Counter[tuple[str, str]]:
    rows = Reward.objects.values_list("state", "refusals")
    return Counter((state, ",".join(codes)) for state, codes in rows)


def deliver() -> None:
    """Hand every event to a worker; neighbours are the two reports of one purchase."""
    ids = list(Delivery.objects.order_by("pk").values_list("pk", flat=True))
    at_once(lambda one: delivery_process(ids=[one], now=OPENS), ids, threads=THREADS)


def report_twice() -> None:
    """Open the batches, and report a purchase of each person twice, under two numbers."""
    campaign_running(two_returns())
    quota_release_open(now=OPENS)
    people = enrolments_make(client_make(), PEOPLE)
    commands = [
        purchase(person, 2 * number + copy, 20_000)
        for number, person in enumerate(people)
        for copy in range(2)
    ]
    assert {one.outcome for one in purchases_report(commands=commands)} == {"ACCEPTED"}


def purchase(person: Enrolment, number: int, order_fen: int) -> PurchaseCommand:
    terminal = Terminal.objects.select_related("store").get()
    return PurchaseCommand(
        payment=PaymentRequest(
            client_id=person.client_id,
            at=OPENS,
            store_no=terminal.store.store_no,
            terminal_no=terminal.terminal_no,
            order_fen=order_fen,
            flow="ONLINE",
            person_id=person.pk,
        ),
        idempotency_key=f"purchase-{number:08d}",
        fingerprint=str(number),
        transaction_no=f"T-{number}",
        traded_at=OPENS,
    )
