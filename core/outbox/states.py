"""Transitions of a delivery: acknowledged is final, a parked one may be replayed."""

from core.outbox.models import Delivery
from core.states import state_table

DELIVERY_STATES = state_table(
    "core.Delivery",
    [
        (Delivery.State.PENDING, Delivery.State.ACKNOWLEDGED),
        (Delivery.State.PENDING, Delivery.State.PARKED),
        (Delivery.State.PARKED, Delivery.State.PENDING),
    ],
)
