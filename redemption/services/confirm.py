"""Confirm holds: the customer has paid, the voucher is used, the subsidy is owed."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from core.errors import Refusal
from core.hot import hot_call, json_text, refusal_line
from core.ids import new_id
from core.outbox.registry import consumers_of
from core.transactions import retry_conflicts
from redemption.events import CONFIRMED
from redemption.rules.deadlines import cancellable_until, payout_expected_on
from redemption.services.facts import (
    Funders,
    Key,
    StepFact,
    StepOutcome,
    refused,
    step_facts,
)
from redemption.services.groups import Item, decide_in_groups
from redemption.services.requests import ConfirmCommand
from redemption.services.targets import Target, key_of
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
    lines = [_line(order, item, day) for order, item in enumerate(group)]
    funders = Funders(funder_id for item in group for funder_id in item.target.funder_ids)
    consumers = json_text(consumers_of(CONFIRMED))
    rows = hot_call(
        "redemptions_confirm", [campaign_id, new_id(), day, consumers, json_text(lines)]
    )
    facts = step_facts(
        StepKind.CONFIRM,
        [
            key_of(item.command)
            for item, row in zip(group, rows, strict=True)
            if row.outcome == "REPLAY"
        ],
    )
    for item, row, line in zip(group, rows, lines, strict=True):
        if row.outcome == "ACCEPTED":
            facts[key_of(item.command)] = _fact(line, item.target, day, funders)
    return {
        key_of(item.command): StepOutcome(row.outcome, facts[key_of(item.command)])
        if row.fact_id
        else refused(row.refusals)
        for item, row in zip(group, rows, strict=True)
    }


def _fact(line: dict[str, Any], target: Target, day: date, funders: Funders) -> StepFact:
    """Return what was just written; `facts_of` would read the same."""
    return StepFact(
        step_id=line["step_id"],
        kind=StepKind.CONFIRM,
        redemption_id=target.redemption_id,
        client_id=line["client_id"],
        order_no=target.order[1],
        order_fen=target.order_fen,
        other_discount_fen=target.other_discount_fen,
        payer_fen=target.payable_fen,
        subsidy_fen=target.subsidy_fen,
        funders=funders.parts(target.funder_ids, target.parts),
        vouchers=target.vouchers,
        voucher_fate="",
        reference=line["trade_no"],
        business_date=day,
        at=line["at"],
        hold_expires_at=target.hold_expires_at,
        detail=line["detail"],
    )


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
