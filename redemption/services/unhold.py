"""Give holds back: by the till that made them, or when their time is over."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from core.hot import decided_or_later, hot_call, json_text
from core.ids import new_id
from core.transactions import retry_conflicts
from redemption.models import Redemption
from redemption.services.facts import Key, StepOutcome, refused, step_facts
from redemption.services.groups import Item, decide_in_groups
from redemption.services.requests import ReleaseCommand
from redemption.services.targets import Target, key_of, targets_load
from redemption.states import RedemptionState, StepKind

CHUNK = 500


def redemptions_release(*, commands: Sequence[ReleaseCommand]) -> list[StepOutcome]:
    """Give holds back: voucher, money and limits are as before; outcomes in command order.

    Refused with ``redemption.state_conflict`` where nothing is held any more. A repeated (client,
    key) gets the first answer.

    Raises:
        DomainError: ``infra.try_later`` for what stays locked, in a caller's transaction.
    """
    return decide_in_groups(
        StepKind.RELEASE, commands, [command.fingerprint for command in commands], _release
    )


def redemptions_time_out(*, now: datetime, chunk: int = CHUNK) -> int:
    """Time out every hold whose end has passed at ``now``; return how many.

    Oldest first, in chunks of their own transactions, so an interrupted sweep has lost nothing;
    two sweeps at once time each hold out once. What stays locked by others is left to the next.
    """
    count = 0
    after: tuple[datetime, UUID] | None = None
    while True:
        due = Redemption.objects.filter(
            state=RedemptionState.HELD, hold_expires_at__lte=now
        ).order_by("hold_expires_at", "pk")
        if after is not None:
            # A hold that stays held for whatever reason must not be met for ever.
            due = due.filter(hold_expires_at__gte=after[0]).exclude(
                hold_expires_at=after[0], pk__lte=after[1]
            )
        page = list(due.values_list("hold_expires_at", "pk")[:chunk])
        if not page:
            return count
        after = page[-1]
        count += _time_out_page([pk for _, pk in page], now)


def _time_out_page(redemption_ids: Sequence[UUID], now: datetime) -> int:
    groups: dict[tuple[UUID, date], list[Target]] = defaultdict(list)
    for target in targets_load(redemption_ids).values():
        groups[target.campaign_id, target.day(now)].append(target)
    return sum(
        decided_or_later(_time_out, campaign_id, day, group, now) or 0
        for (campaign_id, day), group in sorted(groups.items(), key=lambda one: one[0])
    )


@retry_conflicts
def _time_out(campaign_id: UUID, day: date, group: Sequence[Target], now: datetime) -> int:
    arguments: list[UUID | date | str] = [campaign_id, new_id(), day, StepKind.TIME_OUT.value]
    lines = [_line(order, target, now) for order, target in enumerate(group)]
    rows = hot_call("redemptions_unhold", [*arguments, json_text(lines)])
    return sum(row.outcome == "ACCEPTED" for row in rows)


@retry_conflicts
def _release(
    campaign_id: UUID, day: date, group: Sequence[Item[ReleaseCommand]]
) -> dict[Key, StepOutcome]:
    arguments: list[UUID | date | str] = [campaign_id, new_id(), day, StepKind.RELEASE.value]
    lines = [
        _line(order, item.target, item.command.at)
        | {
            "client_id": item.command.client_id,
            "key": item.command.idempotency_key,
            "fingerprint": item.command.fingerprint,
        }
        for order, item in enumerate(group)
    ]
    rows = hot_call("redemptions_unhold", [*arguments, json_text(lines)])
    facts = step_facts(
        StepKind.RELEASE,
        [key_of(item.command) for item, row in zip(group, rows, strict=True) if row.fact_id],
    )
    return {
        key_of(item.command): StepOutcome(row.outcome, facts[key_of(item.command)])
        if row.fact_id
        else refused(row.refusals)
        for item, row in zip(group, rows, strict=True)
    }


def _line(order: int, target: Target, at: datetime) -> dict[str, Any]:
    return {
        "ord": order,
        "redemption_id": target.redemption_id,
        "step_id": new_id(),
        "client_id": None,
        "key": None,
        "fingerprint": "",
        "at": at,
        "refusals": [],
    }
