"""Hold vouchers for payments: the first half of paying with a voucher (architecture.md, Redeem)."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec

from core.clock import business_date
from core.hot import decided_or_later, hot_call, json_text, rounds
from core.ids import new_id
from core.transactions import retry_conflicts
from merchants.selectors import TerminalFacts
from redemption.rules.facts import VoucherFacts
from redemption.rules.items import looks_at_items
from redemption.services.choosing import Candidate, Considered
from redemption.services.facts import (
    LATER,
    Funders,
    Key,
    StepFact,
    StepOutcome,
    UsedVoucher,
    refused,
    replay_outcomes,
    step_facts,
)
from redemption.services.instants import considered_with_instants
from redemption.services.limits import limit_key
from redemption.services.requests import HoldCommand, PaymentRequest
from redemption.states import Flow, StepKind

ATTEMPTS = 3
"""How often another voucher is chosen when the best was taken meanwhile."""
TAKEN = frozenset({"voucher.held", "voucher.redeemed", "voucher.expired"})


class _Prepared(msgspec.Struct, frozen=True):
    command: HoldCommand
    considered: Considered
    candidate: Candidate
    till: TerminalFacts

    @property
    def key(self) -> Key:
        return self.command.client_id, self.command.idempotency_key

    def keys(self) -> Iterator[Hashable]:
        yield self.key
        yield self.candidate.voucher.voucher_id
        yield self.command.client_id, self.till.store_id, self.command.order_no
        yield self.considered.payment_code_id or self.key
        yield from (limit_key(line) for line in self.candidate.limits)


def redemptions_hold(*, commands: Sequence[HoldCommand]) -> list[StepOutcome]:
    """Hold one voucher per payment; outcomes come back in command order.

    The best usable voucher applies itself unless one is named; if another payment takes it at the
    same moment, the next best is tried. The hold lasts as long as the voucher's rules say (till or
    online). A repeated (client, key) gets the first answer. Refusals list all failing conditions.
    What stays locked is refused with ``infra.try_later``.

    Raises:
        DomainError: ``infra.try_later`` instead, in a caller's transaction.
    """
    answers: list[StepOutcome | None] = [None] * len(commands)
    left = dict(enumerate(commands))
    for attempt in range(ATTEMPTS):
        repeated: dict[int, HoldCommand] = {}
        for together in rounds(left.items(), _same_key):
            decided = _decide_all([command for _, command in together], again=attempt > 0)
            for (index, command), (outcome, named) in zip(together, decided, strict=True):
                answers[index] = outcome
                codes = {refusal.code for refusal in outcome.refusals}
                if codes and codes <= TAKEN and not named and attempt + 1 < ATTEMPTS:
                    repeated[index] = command
        left = repeated
        if not left:
            break
    return [answer for answer in answers if answer is not None]


def _same_key(item: tuple[int, HoldCommand]) -> Iterator[Hashable]:
    yield item[1].client_id, item[1].idempotency_key


def _decide_all(commands: Sequence[HoldCommand], *, again: bool) -> list[tuple[StepOutcome, bool]]:
    """Decide commands with different keys; also tell whether the voucher was named.

    What passes (another hold, a limit) is left to the database, which times out old holds first;
    ``again`` asks for a voucher against which nothing speaks at all.
    """
    outcomes: dict[Key, StepOutcome] = {}
    named: dict[Key, bool] = {}
    groups: dict[tuple[UUID, date], list[_Prepared]] = defaultdict(list)
    everything = considered_with_instants(commands)
    for command, considered in zip(commands, everything, strict=True):
        key = command.client_id, command.idempotency_key
        candidate, till = considered.best, considered.till
        named[key] = considered.named
        against = candidate.refusals if candidate else ()
        hopeless = candidate is None or candidate.frozen or (again and against)
        if considered.refusals or candidate is None or till is None or hopeless:
            outcomes[key] = refused((*considered.refusals, *against))
        else:
            day = business_date(command.at, till.cutoff)
            groups[candidate.voucher.campaign_id, day].append(
                _Prepared(command, considered, candidate, till)
            )
    for (campaign_id, day), group in sorted(groups.items()):
        for together in rounds(group, _Prepared.keys):
            decided = decided_or_later(_decide, campaign_id, day, together)
            outcomes |= decided or {item.key: LATER for item in together}
    outcomes |= _decided_before(commands, outcomes)
    return [
        (outcomes[key], named.get(key, True))
        for key in ((one.client_id, one.idempotency_key) for one in commands)
    ]


def _decided_before(
    commands: Sequence[HoldCommand], outcomes: Mapping[Key, StepOutcome]
) -> dict[Key, StepOutcome]:
    """Answer refused commands whose key is known: whatever speaks against them now, it wins.

    Its voucher or payment code is used by then, so that what speaks against the command is that
    it has succeeded already.
    """
    keyed = ((one.client_id, one.idempotency_key, one.fingerprint) for one in commands)
    return replay_outcomes(
        StepKind.HOLD,
        (
            ((client_id, key), fingerprint)
            for client_id, key, fingerprint in keyed
            if outcomes[client_id, key].outcome == "REFUSED"
        ),
    )


@retry_conflicts
def _decide(campaign_id: UUID, day: date, group: Sequence[_Prepared]) -> dict[Key, StepOutcome]:
    """One call, one commit; again as a whole when another group won a race."""
    lines = [_line(order, item) for order, item in enumerate(group)]
    funders = Funders(funder_id for line in lines for funder_id in line["funder_ids"])
    rows = hot_call("redemptions_hold", [campaign_id, new_id(), new_id(), day, json_text(lines)])
    facts = step_facts(
        StepKind.HOLD,
        [item.key for item, row in zip(group, rows, strict=True) if row.outcome == "REPLAY"],
    )
    for item, row, line in zip(group, rows, lines, strict=True):
        if row.outcome == "ACCEPTED":
            facts[item.key] = _fact(line, item, day, funders)
    return {
        item.key: StepOutcome(row.outcome, facts[item.key])
        if row.fact_id
        else refused(row.refusals)
        for item, row in zip(group, rows, strict=True)
    }


def _fact(line: dict[str, Any], item: _Prepared, day: date, funders: Funders) -> StepFact:
    """Return what was just written; `facts_of` would read the same."""
    voucher = item.candidate.voucher
    return StepFact(
        step_id=line["step_id"],
        kind=StepKind.HOLD,
        redemption_id=line["redemption_id"],
        client_id=line["client_id"],
        order_no=line["order_no"],
        order_fen=line["order_fen"],
        other_discount_fen=line["other_discount_fen"],
        payer_fen=line["payable_fen"],
        subsidy_fen=line["subsidy_fen"],
        funders=funders.parts(line["funder_ids"], line["parts"]),
        vouchers=(UsedVoucher(voucher.voucher_id, voucher.batch_name, line["subsidy_fen"]),),
        voucher_fate="",
        reference=line["order_no"],
        business_date=day,
        at=line["at"],
        hold_expires_at=line["hold_expires_at"],
        detail=line["detail"],
    )


def _line(order: int, item: _Prepared) -> dict[str, Any]:
    """Spell a command for the SQL function."""
    command, payment, till = item.command, item.command.payment, item.till
    voucher = item.candidate.voucher
    taken, rules = item.candidate.amounts, voucher.rules
    online = payment.flow == Flow.ONLINE
    life_s = rules.hold_seconds_online if online else rules.hold_seconds_till
    return {
        "ord": order,
        "redemption_id": new_id(),
        "step_id": new_id(),
        "client_id": command.client_id,
        "key": command.idempotency_key,
        "fingerprint": command.fingerprint,
        "at": command.at,
        "hold_expires_at": command.at + timedelta(seconds=life_s),
        "payment_code_id": item.considered.payment_code_id,
        "enrolment_id": voucher.enrolment_id,
        "voucher_client_id": voucher.client_id,
        "acquirer_id": till.acquirer_id,
        "merchant_id": till.merchant_id,
        "store_id": till.store_id,
        "terminal_id": till.terminal_id,
        "payee_id": till.payee_id,
        "whitelist_id": item.candidate.whitelist_id,
        "owner_region": voucher.owner_region,
        "store_region": till.store_region,
        "order_no": command.order_no,
        "flow": payment.flow,
        "card_bin": payment.card_bin,
        "order_fen": taken.order_fen,
        "other_discount_fen": taken.other_discount_fen,
        "bank_discount_fen": payment.bank_discount_fen,
        "subsidy_fen": taken.subsidy_fen,
        "payable_fen": taken.payable_fen,
        "lines": [
            {
                "voucher_id": voucher.voucher_id,
                "batch_id": voucher.batch_id,
                "used_fen": taken.subsidy_fen,
                "parts": taken.parts,
            }
        ],
        "funder_ids": voucher.funder_ids,
        "parts": taken.parts,
        "limits": item.candidate.limits,
        "refusals": [],
        "detail": _detail(payment, voucher, till),
    }


def _detail(payment: PaymentRequest, voucher: VoucherFacts, till: TerminalFacts) -> dict[str, Any]:
    """Return what decided besides the columns; brand and tier of a merchant change later."""
    detail: dict[str, Any] = {}
    if payment.region_code:
        detail["region_at"] = payment.region_code
    use = voucher.rules.use
    if payment.items and looks_at_items(voucher.rules):
        detail["items"] = [item.plain() for item in payment.items]
    if use.brands:
        detail["brand"] = till.brand or ""
    if use.tiers:
        detail["tier"] = till.tier
    return detail
