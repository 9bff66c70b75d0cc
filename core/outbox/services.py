"""Events: written with the change, delivered at least once, effective exactly once.

`outbox_publish` writes the event and one delivery per consumer in the business transaction. A
delivery is done only when the consumer's own transaction acknowledges it. The broker only wakes
workers up: what it loses, the relay finds again in the table.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from celery import current_app
from django.db import transaction as django_transaction

from core.access.models import User
from core.audit.services import audit_record
from core.canonical import to_plain_object
from core.clock import wall
from core.ids import new_id
from core.outbox.models import Delivery, OutboxEvent
from core.outbox.registry import consumer, consumers_of
from core.outbox.states import DELIVERY_STATES
from core.transactions import retry_conflicts, transaction, transaction_required

PROCESS_TASK = "core.outbox.tasks.delivery_process"
QUEUE = "events"
CHUNK = 100
RELAY_LIMIT = 1_000
LEASE = timedelta(seconds=30)
"""How long a sent delivery is left alone before the relay sends it again."""

FIRST_BACKOFF_S = 10
MAX_BACKOFF_S = 6 * 3600
MAX_ATTEMPTS = 22
"""With the backoff above the last attempt is made about three days after the first."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to which object, at which business time; the payload has no personal data."""

    topic: str
    aggregate_type: str
    aggregate_id: object
    at: datetime
    payload: Mapping[str, Any] = field(default_factory=dict)
    event_id: UUID = field(default_factory=new_id)


def outbox_publish(*, events: Iterable[Event]) -> list[OutboxEvent]:
    """Write events and their deliveries in the caller's transaction, in order.

    Raises:
        RuntimeError: no transaction is open, so event and change could part.
    """
    transaction_required()
    recorded_at = wall()
    rows = OutboxEvent.objects.bulk_create(
        OutboxEvent(
            event_id=event.event_id,
            topic=event.topic,
            aggregate_type=event.aggregate_type,
            aggregate_id=str(event.aggregate_id),
            payload=to_plain_object(event.payload),
            at=event.at,
            recorded_at=recorded_at,
        )
        for event in events
    )
    deliveries = Delivery.objects.bulk_create(
        Delivery(event=row, consumer=name, run_at=recorded_at + LEASE)
        for row in rows
        for name in consumers_of(row.topic)
    )
    if deliveries:
        ids = [delivery.pk for delivery in deliveries]
        django_transaction.on_commit(partial(_send, ids), robust=True)
    return rows


def delivery_relay() -> int:
    """Send due deliveries to the workers; returns how many.

    Two relays at once share the work: rows under another's hand are skipped.
    """
    moment = wall()
    with transaction():
        due = (
            Delivery.objects.select_for_update(skip_locked=True)
            .filter(state=Delivery.State.PENDING, run_at__lte=moment)
            .order_by("run_at", "pk")
        )
        ids = list(due.values_list("pk", flat=True)[:RELAY_LIMIT])
        Delivery.objects.filter(pk__in=ids).update(run_at=moment + LEASE)
    _send(ids)
    return len(ids)


def delivery_process(*, ids: Sequence[int], now: datetime) -> int:
    """Hand deliveries to their consumers, each in its own transaction; returns how many worked.

    A failing consumer undoes its own transaction only; its delivery is tried again later and
    parked after about three days. Safe to run twice, even at once.
    """
    return sum(_process_one(delivery_id, now) for delivery_id in ids)


@retry_conflicts
def delivery_replay(*, ids: Sequence[int], actor: User, reason: str, now: datetime) -> int:
    """Put parked deliveries back to work (exceptions list); returns how many were parked."""
    moment = wall()
    with transaction():
        parked = Delivery.objects.select_for_update(of=("self",)).filter(
            pk__in=ids, state=Delivery.State.PARKED
        )
        rows = list(parked.order_by("pk").select_related("event"))
        for row in rows:
            DELIVERY_STATES.assert_transition(row.state, Delivery.State.PENDING)
            audit_record(
                action="outbox.replay",
                subject_type="delivery",
                subject_id=row.pk,
                now=now,
                actor=actor,
                reason=reason,
                data={"event": row.event.event_id, "consumer": row.consumer},
            )
        replayed = [row.pk for row in rows]
        Delivery.objects.filter(pk__in=replayed).update(
            state=Delivery.State.PENDING, attempts=0, run_at=moment
        )
    return len(replayed)


def backoff(attempts: int) -> timedelta:
    """Return the pause after so many failed attempts: 10 s doubling up to six hours."""
    return timedelta(seconds=min(FIRST_BACKOFF_S * 2 ** (attempts - 1), MAX_BACKOFF_S))


def _process_one(delivery_id: int, now: datetime) -> bool:
    try:
        return _handle(delivery_id, now)
    except Exception as error:  # whatever it is, it is retried and then parked
        log.warning("delivery_failed", delivery=delivery_id, exc_info=True)
        _fail(delivery_id, f"{type(error).__name__}: {error}")
        return False


@retry_conflicts
def _handle(delivery_id: int, now: datetime) -> bool:
    with transaction():
        delivery = (
            Delivery.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("event")
            .filter(pk=delivery_id, state=Delivery.State.PENDING)
            .first()
        )
        if delivery is None:
            return False
        consumer(delivery.consumer).handler(delivery.event, now)
        delivery.state = Delivery.State.ACKNOWLEDGED
        delivery.acknowledged_at = wall()
        delivery.attempts += 1
        delivery.save(update_fields=["state", "acknowledged_at", "attempts"])
    return True


def _fail(delivery_id: int, message: str) -> None:
    with transaction():
        pending = Delivery.objects.select_for_update().filter(
            pk=delivery_id, state=Delivery.State.PENDING
        )
        delivery = pending.first()
        if delivery is None:
            return
        attempts = delivery.attempts + 1
        delivery.attempts = attempts
        delivery.last_error = message.replace("\x00", "")[:2000]
        delivery.run_at = wall() + backoff(attempts)
        if attempts >= MAX_ATTEMPTS:
            delivery.state = Delivery.State.PARKED
        delivery.save(update_fields=["attempts", "last_error", "run_at", "state"])


def _send(ids: Sequence[int]) -> None:
    for start in range(0, len(ids), CHUNK):
        chunk = list(ids[start : start + CHUNK])
        current_app.send_task(PROCESS_TASK, args=[chunk], queue=QUEUE, ignore_result=True)
