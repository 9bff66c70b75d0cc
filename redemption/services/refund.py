"""Refund (退款): give back a part or the whole of a confirmed payment (domain-rules §6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from core.errors import Refusal
from core.transactions import retry_conflicts, transaction_joined
from redemption.locks import reversal_lock
from redemption.models import RedemptionStep
from redemption.rules.refunds import RefundSlice, refund_refusals, refund_slice
from redemption.services.facts import (
    FunderPart,
    Funders,
    Key,
    StepOutcome,
    refused,
    replay_outcomes,
)
from redemption.services.groups import Item, decide_in_groups
from redemption.services.requests import RefundCommand
from redemption.services.reversal_state import Confirmed, confirmed_load
from redemption.services.reversals import Reversal, race_retried, reversals_write
from redemption.services.targets import key_of, targets_load
from redemption.states import StepKind


@dataclass(frozen=True, slots=True)
class RefundPreview:
    """What a refund would do now, or every reason against it; nothing was changed."""

    slice: RefundSlice | None = None
    funders: tuple[FunderPart, ...] = ()
    refusals: tuple[Refusal, ...] = ()


def redemptions_refund(*, commands: Sequence[RefundCommand]) -> list[StepOutcome]:
    """Refund parts of confirmed redemptions; outcomes come back in command order.

    Amounts are cumulative shares, half up, and the subsidy goes back to its funders by the parts
    fixed at issue. A refund number is used once per redemption (``refund.duplicate_no``). A
    repeated (client, key) gets the first answer.

    Raises:
        DomainError: ``infra.try_later`` for what stays locked, in a caller's transaction.
    """
    return decide_in_groups(
        StepKind.REFUND, commands, [command.fingerprint for command in commands], _decide
    )


def refund_preview(
    *, client_id: UUID, redemption_id: UUID, refund_no: str, order_fen: int, at: datetime
) -> RefundPreview:
    """Tell what a refund would do at ``at`` without doing it (``dry_run``)."""
    target = targets_load([redemption_id]).get(redemption_id)
    if target is None or target.client_id != client_id:
        return RefundPreview(refusals=(Refusal("access.not_found"),))
    confirmed = confirmed_load([redemption_id])[redemption_id]
    numbers = _numbers_used([redemption_id])
    refusals = _refusals(confirmed, refund_no, order_fen, at, numbers)
    if refusals:
        return RefundPreview(refusals=tuple(refusals))
    part = _slice(confirmed, order_fen, at)
    return RefundPreview(
        part, Funders(confirmed.funder_ids).parts(confirmed.funder_ids, part.parts)
    )


@race_retried
@retry_conflicts
def _decide(
    campaign_id: UUID, day: date, group: Sequence[Item[RefundCommand]]
) -> dict[Key, StepOutcome]:
    with transaction_joined():
        ids = {item.target.redemption_id for item in group}
        reversal_lock(campaign_id=campaign_id, redemption_ids=ids)
        outcomes = replay_outcomes(
            StepKind.REFUND, ((key_of(item.command), item.command.fingerprint) for item in group)
        )
        states, numbers = confirmed_load(ids), _numbers_used(ids)
        reversals = []
        for item in group:
            command, key = item.command, key_of(item.command)
            if key in outcomes:
                continue
            confirmed = states[item.target.redemption_id]
            refusals = _refusals(
                confirmed, command.refund_no, command.order_fen, command.at, numbers
            )
            if refusals:
                outcomes[key] = refused(refusals)
            else:
                part = _slice(confirmed, command.order_fen, command.at)
                reversals.append(Reversal(command, confirmed, part, command.refund_no))
        return outcomes | reversals_write(
            kind=StepKind.REFUND, campaign_id=campaign_id, day=day, reversals=reversals
        )


def _refusals(
    confirmed: Confirmed,
    refund_no: str,
    order_fen: int,
    at: datetime,
    numbers: set[tuple[UUID, str]],
) -> list[Refusal]:
    if confirmed.out_of_reach:
        return [Refusal("redemption.state_conflict", {"state": "RECOVERED"})]
    refusals = refund_refusals(
        confirmed.so_far,
        state=confirmed.state,
        confirmed_at=confirmed.confirmed_at,
        order_fen=order_fen,
        now=at,
        whole_only=confirmed.whole_only,
    )
    if (confirmed.redemption_id, refund_no) in numbers:
        refusals.append(Refusal("refund.duplicate_no", {"refund_no": refund_no}))
    return refusals


def _slice(confirmed: Confirmed, order_fen: int, at: datetime) -> RefundSlice:
    return refund_slice(
        confirmed.so_far,
        order_fen=order_fen,
        now=at,
        valid_until=confirmed.valid_until,
        policy=confirmed.refund_policy,
    )


def _numbers_used(redemption_ids: Sequence[UUID] | set[UUID]) -> set[tuple[UUID, str]]:
    rows = RedemptionStep.objects.filter(
        redemption_id__in=redemption_ids, kind=StepKind.REFUND
    ).values_list("redemption_id", "reference")
    return set(rows)
