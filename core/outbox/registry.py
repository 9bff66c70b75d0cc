"""Who consumes which topic; rooms register their consumers when they are ready."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from core.outbox.models import OutboxEvent

Handler = Callable[[OutboxEvent, datetime], None]


@dataclass(frozen=True, slots=True)
class Consumer:
    """A named consumer of one topic.

    ``handler(event, now)`` runs in one transaction with the acknowledgement, so its effect
    happens exactly once; it must not open a transaction of its own that refuses to be joined.
    Events may arrive in another order than they were written.
    """

    topic: str
    name: str
    handler: Handler


_consumers: dict[str, Consumer] = {}


def consumer_register(topic: str, name: str, handler: Handler) -> None:
    """Register a consumer; ``name`` is unique and never reused for something else.

    Raises:
        ValueError: the name belongs to another consumer.
    """
    consumer = Consumer(topic, name, handler)
    if _consumers.setdefault(name, consumer) != consumer:
        raise ValueError(f"consumer registered twice: {name}")


def consumers_of(topic: str) -> tuple[str, ...]:
    """Return the names of the consumers of a topic."""
    return tuple(name for name, one in sorted(_consumers.items()) if one.topic == topic)


def consumer(name: str) -> Consumer:
    """Return a consumer by name.

    Raises:
        LookupError: nobody of that name is registered in this process.
    """
    try:
        return _consumers[name]
    except KeyError:
        raise LookupError(f"unknown consumer {name!r}") from None
