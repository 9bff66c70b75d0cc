"""Give return vouchers for purchases, each once."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from core.errors import Refusal
from core.outbox.models import OutboxEvent
from core.transactions import transaction_required
from redemption.models import Reward
from redemption.returns.purchases import (
    Purchase,
    ReturnBatch,
    batches_met,
    left_fen,
    redemption_purchases,
    told_before,
    transaction_purchase,
)
from redemption.returns.reversing import rewards_settle
from vouchers.locks import batches_lock
from vouchers.services.claim_commands import ClaimCommand, ClaimOutcome
from vouchers.services.claims import vouchers_claim

WAITS = frozenset({"claim.paused", "infra.try_later"})
"""What passes: the event comes again later, for three days (core/outbox)."""


class ReturnsWaitError(Exception):
    """Return vouchers cannot be given at present; nothing is decided yet."""


def on_redemptions_confirmed(event: OutboxEvent, now: datetime) -> None:
    """Consume ``redemption.confirmed``: payments of one campaign that were confirmed together."""
    ids = [UUID(text) for text in event.payload["redemptions"]]
    rewards_issue(purchases=redemption_purchases(ids), now=now)


def on_transaction_recorded(event: OutboxEvent, now: datetime) -> None:
    """Consume ``transaction.recorded``: a reported purchase whose person is known."""
    payload = event.payload
    purchase = transaction_purchase(UUID(payload["transaction"]), UUID(payload["person"]))
    rewards_issue(purchases=[purchase], now=now)


def rewards_issue(*, purchases: Collection[Purchase], now: datetime) -> list[Reward]:
    """Decide what is given for purchases, in the caller's transaction; safe to repeat.

    Claims count, at ``now``, on limits, caps, waves and money like any other; what they are refused
    with is kept, and not tried again. A purchase that was refunded meanwhile is taken back at once.

    Raises:
        ReturnsWaitError: a campaign or batch is paused, so the event has to come again.
    """
    transaction_required()
    known = set(
        Reward.objects.filter(
            source__in={one.source for one in purchases},
            source_id__in={one.source_id for one in purchases},
        ).values_list("source", "source_id", "batch_id")
    )
    due = [
        (purchase, batch)
        for purchase, batch in batches_met(purchases)
        if (*purchase.key, batch.row.pk) not in known
    ]
    # All batches first, in their order: one after the other, each with its caps and accounts, two
    # of these calls would wait for each other. What another report was given is seen from then on.
    batches_lock(batch_ids={batch.row.pk for _purchase, batch in due})
    twice = {purchase.key for purchase, _batch in due if told_before(purchase)}
    told = [pair for pair in due if pair[0].key in twice]
    due = [pair for pair in due if pair[0].key not in twice]
    outcomes = vouchers_claim(commands=[_command(*pair, now) for pair in due])
    if any(one.code in WAITS for outcome in outcomes for one in outcome.refusals):
        raise ReturnsWaitError
    rewards = Reward.objects.bulk_create(
        [
            *(_reward(*pair, outcome, now) for pair, outcome in zip(due, outcomes, strict=True)),
            *(_reward(*pair, _reported_twice(), now) for pair in told),
        ]
    )
    _refunded_meanwhile(rewards, now)
    return rewards


def _reported_twice() -> ClaimOutcome:
    return ClaimOutcome("REFUSED", refusals=(Refusal("transaction.reported_twice"),))


def _command(purchase: Purchase, batch: ReturnBatch, now: datetime) -> ClaimCommand:
    text = f"{purchase.source}:{purchase.source_id}:{batch.row.pk}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    return ClaimCommand(
        client_id=purchase.enrolment.client_id,
        idempotency_key=f"return-{digest[:48]}",
        fingerprint=digest,
        enrolment_id=purchase.enrolment.pk,
        batch_id=batch.row.pk,
        at=now,
        client_region=purchase.enrolment.client.owner_region,
        issuing="RETURN",
    )


def _reward(purchase: Purchase, batch: ReturnBatch, outcome: ClaimOutcome, now: datetime) -> Reward:
    return Reward(
        source=purchase.source,
        source_id=purchase.source_id,
        batch=batch.row,
        enrolment=purchase.enrolment,
        claim_id=outcome.claim.claim_id if outcome.claim else None,
        state=Reward.State.ISSUED if outcome.claim else Reward.State.REFUSED,
        refusals=list(_codes(outcome.refusals)),
        order_fen=purchase.payment.order_fen,
        from_fen=batch.trigger.from_fen,
        owner_region=batch.row.owner_region,
        at=now,
    )


def _codes(refusals: Iterable[Refusal]) -> Iterable[str]:
    return dict.fromkeys(refusal.code for refusal in refusals)


def _refunded_meanwhile(rewards: Sequence[Reward], now: datetime) -> None:
    """Take back what a refund overtook: its event found no reward yet."""
    issued = [one for one in rewards if one.state == Reward.State.ISSUED]
    for source in sorted({one.source for one in issued}):
        mine = [one for one in issued if one.source == source]
        # Locked: a refund is seen here, or waits and its event comes after.
        left = left_fen(source, {one.source_id for one in mine}, lock=True)
        late = [one for one in mine if left[one.source_id] < one.from_fen]
        Reward.objects.filter(pk__in=[one.pk for one in late]).update(reversed_at=now)
        rewards_settle(reward_ids=[one.pk for one in late], now=now)
