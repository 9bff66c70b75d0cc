"""Cancel (撤销): undo a confirmed redemption as a whole, before the cut-off."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from core.errors import Refusal
from core.transactions import retry_conflicts, transaction_joined
from redemption.locks import reversal_lock
from redemption.rules.refunds import RefundSlice, returned_or_expired
from redemption.services.facts import Key, StepOutcome, refused, replay_outcomes
from redemption.services.groups import Item, decide_in_groups
from redemption.services.requests import CancelCommand
from redemption.services.reversal_state import Confirmed, confirmed_load
from redemption.services.reversals import Reversal, race_retried, reversals_write
from redemption.services.targets import key_of
from redemption.states import RedemptionState, StepKind

BLOCKERS = {
    "CUTOFF": _("已过日切时间"),
    "REFUNDED": _("已有退款"),
    "SETTLED": _("已纳入结算"),
    "RECOVERED": _("补贴已追回"),
}


def redemptions_cancel(*, commands: Sequence[CancelCommand]) -> list[StepOutcome]:
    """Cancel redemptions as a whole; outcomes come back in command order.

    The customer gets what he paid; the voucher is as it was, with its old expiry (expired, if
    that has passed). Refused with ``redemption.cancel_window_closed`` (blocker CUTOFF, REFUNDED,
    SETTLED) or ``redemption.state_conflict``. A repeated (client, key) gets the first answer.

    Raises:
        DomainError: ``infra.try_later`` for what stays locked, in a caller's transaction.
    """
    return decide_in_groups(
        StepKind.CANCEL, commands, [command.fingerprint for command in commands], _decide
    )


def cancel_refusals(confirmed: Confirmed, at: datetime) -> list[Refusal]:
    """Return every reason why a redemption cannot be cancelled at ``at``."""
    if confirmed.state != RedemptionState.CONFIRMED or confirmed.cancellable_until is None:
        return [Refusal("redemption.state_conflict", {"state": confirmed.state})]
    blocker = ""
    if confirmed.out_of_reach:
        blocker = "RECOVERED"
    elif confirmed.assigned:
        blocker = "SETTLED"
    elif confirmed.so_far.count:
        blocker = "REFUNDED"
    elif at >= confirmed.cancellable_until:
        blocker = "CUTOFF"
    if not blocker:
        return []
    data = {
        "blocker": blocker,
        "reason": BLOCKERS[blocker],
        "cancellable_until": confirmed.cancellable_until,
    }
    return [Refusal("redemption.cancel_window_closed", data)]


@race_retried
@retry_conflicts
def _decide(
    campaign_id: UUID, day: date, group: Sequence[Item[CancelCommand]]
) -> dict[Key, StepOutcome]:
    with transaction_joined():
        ids = {item.target.redemption_id for item in group}
        reversal_lock(campaign_id=campaign_id, redemption_ids=ids)
        outcomes = replay_outcomes(
            StepKind.CANCEL, ((key_of(item.command), item.command.fingerprint) for item in group)
        )
        states = confirmed_load(ids)
        reversals = []
        for item in group:
            key, confirmed = key_of(item.command), states[item.target.redemption_id]
            if key in outcomes:
                continue
            refusals = cancel_refusals(confirmed, item.command.at)
            if refusals:
                outcomes[key] = refused(refusals)
            else:
                reversals.append(
                    Reversal(item.command, confirmed, _whole(confirmed, item.command.at))
                )
        return outcomes | reversals_write(
            kind=StepKind.CANCEL, campaign_id=campaign_id, day=day, reversals=reversals
        )


def _whole(confirmed: Confirmed, at: datetime) -> RefundSlice:
    so_far = confirmed.so_far
    return RefundSlice(
        order_fen=so_far.order_fen,
        payer_fen=so_far.payer_fen,
        subsidy_fen=so_far.subsidy_fen,
        parts=so_far.parts,
        voucher_fate=returned_or_expired(now=at, valid_until=confirmed.valid_until),
    )
