"""The common course of the services that act on redemptions: replays, groups, rounds."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import date
from typing import Generic, TypeVar
from uuid import UUID

import msgspec

from core.hot import decided_or_later, rounds
from redemption.services.facts import LATER, NOT_FOUND, Key, StepOutcome, replay_outcomes
from redemption.services.targets import Target, Targeted, key_of, targets_load
from redemption.states import StepKind

C = TypeVar("C", bound=Targeted)


class Item(msgspec.Struct, Generic[C], frozen=True):
    """A command with its redemption."""

    command: C
    target: Target

    def keys(self) -> Iterator[Hashable]:
        """Yield what no two commands of one call may share."""
        yield key_of(self.command)
        yield from self.target.locks()


def decide_in_groups(
    kind: StepKind,
    commands: Sequence[C],
    fingerprints: Sequence[str],
    decide: Callable[[UUID, date, Sequence[Item[C]]], dict[Key, StepOutcome]],
) -> list[StepOutcome]:
    """Answer known keys, then hand the rest to ``decide`` by campaign and business date.

    Another client's redemption is as if it did not exist. ``decide`` opens one transaction per
    call and never sees two commands that share a key, redemption, voucher or limit. What stays
    locked is refused with ``infra.try_later``, in a caller's transaction raised.
    """
    outcomes: list[StepOutcome] = [NOT_FOUND] * len(commands)
    for together in rounds(enumerate(commands), lambda one: [key_of(one[1])]):
        known = replay_outcomes(
            kind, ((key_of(command), fingerprints[index]) for index, command in together)
        )
        targets = targets_load({command.redemption_id for _, command in together})
        groups: dict[tuple[UUID, date], list[Item[C]]] = defaultdict(list)
        for index, command in together:
            target = targets.get(command.redemption_id)
            if key_of(command) in known:
                outcomes[index] = known[key_of(command)]
            elif target is not None and target.client_id == command.client_id:
                groups[target.campaign_id, target.day(command.at)].append(Item(command, target))
        decided: dict[Key, StepOutcome] = {}
        for (campaign_id, day), group in sorted(groups.items(), key=lambda one: one[0]):
            for round_ in rounds(group, Item.keys):
                answers = decided_or_later(decide, campaign_id, day, round_)
                decided |= answers or {key_of(item.command): LATER for item in round_}
        for index, command in together:
            outcomes[index] = decided.get(key_of(command), outcomes[index])
    return outcomes
