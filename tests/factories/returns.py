"""Return vouchers beside an ordinary batch, and the events that give them."""

from datetime import datetime
from typing import Any

from core.models import Delivery
from core.outbox.services import delivery_process
from tests.factories.campaign_plans import ANYWHERE
from tests.factories.campaigns import BatchPlan
from tests.factories.redemption import AT, Shop, shop_make
from vouchers.models import Batch
from vouchers.rules.model import LimitRule, TriggerRule


def returns_shop(*, count: int = 10, **trigger: Any) -> tuple[Shop, Batch]:
    """Return a shop with 满100减30, and a batch of 10.00 given for orders of at least 80.00.

    ``count`` is how many a person may be given in a day; ``trigger`` changes the trigger.
    """
    rule = TriggerRule(**{"source": "REDEMPTION", "from_fen": 8_000, "use": ANYWHERE, **trigger})
    limit = LimitRule(
        code="returns", side="CLAIM", scope="BATCH", window="DAY", count=count, keys=("DOCUMENT",)
    )
    back = BatchPlan(
        face_fen=1_000,
        threshold_fen=5_000,
        units=20,
        limits=(limit,),
        rules={"issuing": "RETURN", "trigger": rule},
    )
    shop = shop_make(batches=[BatchPlan(limits=()), back])
    return shop, shop.live.batches[1]


def events_deliver(*, now: datetime = AT) -> int:
    """Hand every pending delivery to its consumer; returns how many worked."""
    pending = Delivery.objects.filter(state=Delivery.State.PENDING).order_by("pk")
    return delivery_process(ids=list(pending.values_list("pk", flat=True)), now=now)
