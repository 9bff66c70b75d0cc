"""Return vouchers of two batches under one cap, given by many workers at once."""

from copy import deepcopy
from datetime import datetime
from typing import Any

from core.clock import TIME_ZONE
from core.embedded.record import ServiceUrls
from core.models import Delivery
from core.outbox.services import delivery_process
from merchants.models import Terminal
from redemption.models import Reward
from redemption.services.purchases import PurchaseCommand, purchases_report
from redemption.services.requests import PaymentRequest
from tests.factories.definitions import capped_document
from tests.factories.merchants import client_make
from tests.factories.persons import enrolments_make
from tests.factories.running import campaign_running
from tests.invariants.helpers import assert_sound
from tests.support.threads import at_once
from vouchers.models import CapUse
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
    terminal = Terminal.objects.select_related("store").get()
    client = client_make()
    outcomes = purchases_report(
        commands=[
            PurchaseCommand(
                payment=PaymentRequest(
                    client_id=client.pk,
                    at=OPENS,
                    store_no=terminal.store.store_no,
                    terminal_no=terminal.terminal_no,
                    order_fen=ORDERS[number % 3],
                    flow="ONLINE",
                    person_id=person.pk,
                ),
                idempotency_key=f"purchase-{number:08d}",
                fingerprint=str(number),
                transaction_no=f"T-{number}",
                traded_at=OPENS,
            )
            for number, person in enumerate(enrolments_make(client, PEOPLE))
        ]
    )
    assert {one.outcome for one in outcomes} == {"ACCEPTED"}
    ids = list(Delivery.objects.order_by("pk").values_list("pk", flat=True))
    at_once(lambda one: delivery_process(ids=[one], now=OPENS), ids, threads=THREADS)
    tried = Delivery.objects.values_list("state", "attempts", "last_error")
    assert set(tried) == {("ACKNOWLEDGED", 1, "")}
    assert Reward.objects.filter(state="ISSUED").count() == PEOPLE // 3 * 4
    assert CapUse.objects.get().used_units == PEOPLE // 3 * 4
    assert_sound()
