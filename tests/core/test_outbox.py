"""The outbox: an event lives and dies with its change, its effect happens exactly once."""

import threading
from datetime import datetime, timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connections
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from core.access.models import Role
from core.audit.models import AuditEvent
from core.clock import TIME_ZONE, wall
from core.embedded.record import ServiceUrls
from core.outbox import registry, services
from core.outbox.models import Delivery, OutboxEvent
from core.outbox.registry import consumer_register, consumers_of
from core.outbox.services import (
    Event,
    backoff,
    delivery_process,
    delivery_relay,
    delivery_replay,
    outbox_publish,
)
from core.transactions import transaction
from tests.factories.staff import staff_make

NOW = datetime(2024, 3, 30, 9, tzinfo=TIME_ZONE)
State = Delivery.State


class Consumers:
    """Two consumers of one topic; the second fails while `broken`. Effects are rows."""

    def __init__(self) -> None:
        """Register both."""
        self.broken = False
        consumer_register("test.paid", "test.first", self.first)
        consumer_register("test.paid", "test.second", self.second)
        consumer_register("test.other", "test.third", self.first)

    def first(self, event: OutboxEvent, _now: datetime) -> None:
        """Leave an effect."""
        self.effect(f"first-{event.aggregate_id}")

    def second(self, event: OutboxEvent, _now: datetime) -> None:
        """Leave an effect, or fail after leaving it."""
        self.effect(f"second-{event.aggregate_id}")
        if self.broken:
            raise ValueError("broken")

    @staticmethod
    def effect(key: str) -> None:
        """Write a row whose key may exist once."""
        Session.objects.create(session_key=key, session_data="", expire_date=timezone.now())


@pytest.fixture
def consumers(monkeypatch: pytest.MonkeyPatch) -> Consumers:
    monkeypatch.setattr(registry, "_consumers", {})
    return Consumers()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    messages: list[list[int]] = []
    monkeypatch.setattr(services, "_send", lambda ids: messages.append(list(ids)))
    return messages


def publish(*numbers: int) -> list[OutboxEvent]:
    """Publish one event per number."""
    with transaction():
        return outbox_publish(
            events=[Event("test.paid", "thing", number, NOW, {"fen": number}) for number in numbers]
        )


def effects() -> set[str]:
    """Return the keys of all effects."""
    return set(Session.objects.values_list("session_key", flat=True))


def delivery(consumer: str) -> Delivery:
    """Return the delivery of a consumer."""
    return Delivery.objects.get(consumer=consumer)


@pytest.mark.django_db
def test_an_event_has_one_delivery_per_consumer_and_wakes_workers_after_the_commit(
    consumers: Consumers,
    sent: list[list[int]],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        events = publish(1, 2)
        assert sent == []
    assert consumers_of("test.paid") == ("test.first", "test.second")
    rows = Delivery.objects.order_by("pk")
    assert [(row.event_id, row.consumer, row.state) for row in rows] == [
        (event.pk, name, State.PENDING) for event in events for name in consumers_of("test.paid")
    ]
    assert sent == [[row.pk for row in rows]]
    stored = OutboxEvent.objects.order_by("pk").first()
    assert stored is not None
    assert (stored.aggregate_id, stored.payload, stored.at) == ("1", {"fen": 1}, NOW)


@pytest.mark.django_db
def test_an_event_needs_the_transaction_of_its_change(consumers: Consumers) -> None:
    with pytest.raises(RuntimeError, match="caller's transaction"):
        outbox_publish(events=[Event("test.paid", "thing", 1, NOW)])
    assert OutboxEvent.objects.count() == 0


def test_an_event_is_undone_with_its_change(
    own_database: ServiceUrls, consumers: Consumers, sent: list[list[int]]
) -> None:
    def work() -> None:
        with transaction():
            outbox_publish(events=[Event("test.paid", "thing", 1, NOW)])
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        work()
    assert (OutboxEvent.objects.count(), Delivery.objects.count(), sent) == (0, 0, [])


@pytest.mark.django_db
def test_processing_twice_has_one_effect(consumers: Consumers, sent: list[list[int]]) -> None:
    publish(1)
    ids = list(Delivery.objects.values_list("pk", flat=True))
    assert delivery_process(ids=ids, now=NOW) == 2
    assert delivery_process(ids=ids, now=NOW) == 0
    assert effects() == {"first-1", "second-1"}
    for row in Delivery.objects.all():
        assert (row.state, row.attempts) == (State.ACKNOWLEDGED, 1)
        assert row.acknowledged_at is not None


@pytest.mark.django_db
def test_a_failing_consumer_undoes_only_its_own_work_and_is_tried_again(
    consumers: Consumers, sent: list[list[int]]
) -> None:
    publish(1)
    consumers.broken = True
    ids = list(Delivery.objects.values_list("pk", flat=True))
    before = wall()
    assert delivery_process(ids=ids, now=NOW) == 1
    assert effects() == {"first-1"}
    failed = delivery("test.second")
    assert (failed.state, failed.attempts) == (State.PENDING, 1)
    assert failed.last_error == "ValueError: broken"
    assert failed.run_at >= before + timedelta(seconds=10)
    consumers.broken = False
    assert delivery_process(ids=ids, now=NOW) == 1
    assert effects() == {"first-1", "second-1"}


@pytest.mark.django_db
def test_after_three_days_it_is_parked_and_one_click_brings_it_back(
    consumers: Consumers, sent: list[list[int]]
) -> None:
    publish(1)
    consumers.broken = True
    stuck = delivery("test.second")
    for _ in range(services.MAX_ATTEMPTS + 3):
        delivery_process(ids=[stuck.pk], now=NOW)
    stuck.refresh_from_db()
    assert (stuck.state, stuck.attempts) == (State.PARKED, services.MAX_ATTEMPTS)
    actor = staff_make(Role.SYSTEM_ADMIN)
    assert delivery_replay(ids=[stuck.pk], actor=actor, reason="已修复", now=NOW) == 1
    assert delivery_replay(ids=[stuck.pk], actor=actor, reason="已修复", now=NOW) == 0
    stuck.refresh_from_db()
    assert (stuck.state, stuck.attempts) == (State.PENDING, 0)
    assert AuditEvent.objects.filter(action="outbox.replay", actor=actor).count() == 1
    consumers.broken = False
    assert delivery_process(ids=[stuck.pk], now=NOW) == 1
    assert "second-1" in effects()


def test_the_pauses_grow_and_end_after_about_three_days() -> None:
    pauses = [backoff(attempt) for attempt in range(1, services.MAX_ATTEMPTS)]
    assert pauses[:3] == [timedelta(seconds=10), timedelta(seconds=20), timedelta(seconds=40)]
    assert pauses[-1] == timedelta(hours=6)
    assert timedelta(days=2, hours=12) < sum(pauses, timedelta()) < timedelta(days=3)


@pytest.mark.django_db
def test_the_relay_finds_what_the_broker_lost_and_leases_it(
    consumers: Consumers, sent: list[list[int]]
) -> None:
    publish(1)
    assert delivery_relay() == 0
    Delivery.objects.update(run_at=wall() - timedelta(seconds=1))
    assert delivery_relay() == 2
    assert sent == [[], sorted(Delivery.objects.values_list("pk", flat=True))]
    assert delivery_relay() == 0


@pytest.mark.django_db
def test_a_consumer_that_left_keeps_its_event_waiting(
    consumers: Consumers, sent: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(1)
    monkeypatch.setattr(registry, "_consumers", {})
    waiting = delivery("test.first")
    assert delivery_process(ids=[waiting.pk], now=NOW) == 0
    waiting.refresh_from_db()
    assert waiting.state == State.PENDING
    assert "unknown consumer" in waiting.last_error


def test_many_workers_at_once_have_one_effect(
    own_database: ServiceUrls, consumers: Consumers, sent: list[list[int]]
) -> None:
    publish(*range(10))
    ids = list(Delivery.objects.values_list("pk", flat=True))
    worked: list[int] = []

    def work() -> None:
        worked.append(delivery_process(ids=ids, now=NOW))
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(worked) == 20
    assert len(effects()) == 20
    assert set(Delivery.objects.values_list("state", "attempts")) == {(State.ACKNOWLEDGED, 1)}


def test_a_consumer_is_registered_once(consumers: Consumers) -> None:
    with pytest.raises(ValueError, match="twice"):
        consumer_register("test.paid", "test.first", consumers.second)
