"""Confirm holds: the customer has paid, the voucher is used, the subsidy is owed."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from core.errors import Refusal
from core.hot import hot_call, refusal_line
from core.ids import new_id
from core.transactions import retry_conflicts
from redemption.rules.deadlines import cancellable_until, payout_expected_on
from redemption.services.facts import Key, StepOutcome, facts_of, known_steps, refused
from redemption.services.groups import Item, decide_in_groups
from redemption.services.requests import ConfirmCommand
from redemption.services.targets import key_of
from redemption.states import StepKind


def redemptions_confirm(*, commands: Sequence[ConfirmCommand]) -> list[StepOutcome]:
    """Confirm holds; outcomes come back in command order.

    A confirm within the hold's life counts even across the end of validity; a later one as long
    as nobody else has the voucher, else it is refused (``redemption.hold_expired``) and left in
    the exceptions list. The amount paid must be the amount due (``redemption.amount_mismatch``).
    A repeated (client, key) gets the first answer.

    Raises:
        DomainError: ``infra.try_later`` for what stays locked, in a caller's transaction.
    """
    return decide_in_groups(
        StepKind.CONFIRM, commands, [command.fingerprint for command in commands], _decide
    )


@retry_conflicts
def _decide(
    campaign_id: UUID, day: date, group: Sequence[Item[ConfirmCommand]]
) -> dict[Key, StepOutcome]:
    rows = hot_call(
        "redemptions_confirm",
        [campaign_id, new_id(), day],
        [_line(order, item, day) for order, item in enumerate(group)],
    )
    accepted = [key_of(item.command) for item, row in zip(group, rows, strict=True) if row.fact_id]
    steps = known_steps(StepKind.CONFIRM, accepted) if accepted else {}
    facts = facts_of({pk for pk, _ in steps.values()})
    return {
        key_of(item.command): StepOutcome(row.outcome, facts[steps[key_of(item.command)][0]])
        if row.fact_id
        else refused(row.refusals)
        for item, row in zip(group, rows, strict=True)
    }


def _line(order: int, item: Item[ConfirmCommand], day: date) -> dict[str, Any]:
    command, target = item.command, item.target
    refusals = []
    if command.paid_fen != target.payable_fen:
        data = {"payable_fen": target.payable_fen, "paid_fen": command.paid_fen}
        refusals.append(Refusal("redemption.amount_mismatch", data))
    detail = {
        "paid_at": command.paid_at.isoformat(),
        "tenders": list(command.tenders),
        "cancellable_until": cancellable_until(day, target.cutoff).isoformat(),
    }
    expected = payout_expected_on(day, term_unit=target.term_unit, term_days=target.term_days)
    if expected is not None:
        detail["payout_expected_on"] = expected.isoformat()
    return {
        "ord": order,
        "redemption_id": target.redemption_id,
        "step_id": new_id(),
        "client_id": command.client_id,
        "key": command.idempotency_key,
        "fingerprint": command.fingerprint,
        "at": command.at,
        "trade_no": command.channel_trade_no,
        "limits": target.limits,
        "refusals": [refusal_line(refusal) for refusal in refusals],
        "detail": detail,
    }
