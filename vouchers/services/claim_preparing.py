"""Step 1 of a claim: what no race can change."""

from collections.abc import Hashable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.access.region_codes import any_overlaps
from core.errors import Refusal
from vouchers.audiences.membership import Asked, members_among
from vouchers.rules.claiming import claim_refusals, never_usable
from vouchers.rules.limits import window_start
from vouchers.rules.validity import validity_window
from vouchers.services.claim_commands import ClaimCommand
from vouchers.services.claim_context import BatchContext, Claimant, claimants_load
from vouchers.services.identity_keys import identity_keys_ensure


class LimitKey(NamedTuple):
    """A row that a claim counts on, and how much it takes of it."""

    limit_id: int
    window_start: datetime
    key_id: int
    kind: str
    cap: int
    take: int


class Prepared(NamedTuple):
    """A claim as far as it is known before the database decides; its place among the commands."""

    position: int
    command: ClaimCommand
    context: BatchContext
    validities: tuple[tuple[datetime, datetime], ...]
    """Of the batch, or of each part of a pack."""
    refusals: tuple[Refusal, ...]
    limits: tuple[LimitKey, ...]
    device: int | None = None
    """The key of the device that the request was made on."""
    devices: tuple[int, ...] = ()
    """The keys of all that the batch's rule of devices looks at; none without such a rule."""

    def keys(self) -> Iterator[Hashable]:
        """Yield what no two claims of a round may share."""
        yield self.command.client_id, self.command.idempotency_key
        for limit in self.limits:
            yield limit.limit_id, limit.window_start, limit.key_id
        for key_id in self.devices:
            yield "device", key_id


def claims_prepare(
    commands: Mapping[int, ClaimCommand], contexts: Mapping[UUID, BatchContext]
) -> Iterator[Prepared]:
    """Yield what cannot change in a race. Unknown batches and foreign persons are left out."""
    if not commands:
        return
    claimants = claimants_load(
        [(command.enrolment_id, command.client_id) for command in commands.values()],
        {kind for context in contexts.values() for kind in context.key_kinds},
    )
    known: list[tuple[int, ClaimCommand, BatchContext, Claimant]] = []
    for (index, command), claimant in zip(commands.items(), claimants, strict=True):
        context = contexts.get(command.batch_id)
        if context and claimant and may_know(context, command):
            known.append((index, command, context, claimant))
    devices = identity_keys_ensure(
        tokens={command.device for _, command, _, _ in known if command.device}
    )
    members = members_among(
        {
            index: Asked(context.rules.audience.code, command.at, claimant.keys)
            for index, command, context, claimant in known
            if context.rules.audience and not command.is_named
        }
    )
    for index, command, context, claimant in known:
        keys, device = claimant.keys, None
        if command.device:
            device = devices[command.device]
            keys = {**keys, device: command.device.kind}
        validities = tuple(
            validity_window(
                rules.validity,
                claimed_at=command.at,
                campaign_ends_at=context.campaign_ends_at,
            )
            for rules in context.issued_rules
        )
        refusals = claim_refusals(
            context.rules,
            verified=claimant.verified,
            in_audience=command.is_named or index in members,
            key_kinds=keys.values(),
            region_code=command.region_code,
            campaign_regions=context.regions,
        )
        yield Prepared(
            index,
            command,
            context,
            validities,
            (*refusals, *never_usable(validities, command.at, context.campaign_ends_at)),
            tuple(_limits(context, command, keys)),
            device,
            tuple(key_id for key_id, kind in keys.items() if kind == "DEVICE")
            if context.rules.device
            else (),
        )


def may_know(context: BatchContext, command: ClaimCommand) -> bool:
    """Tell whether the batch exists for who asks (`ClaimCommand`)."""
    region = command.client_region
    return context.rules.issuing == command.issuing and (
        region is None or any_overlaps(context.regions, region)
    )


def _limits(
    context: BatchContext, command: ClaimCommand, keys: Mapping[int, str]
) -> Iterator[LimitKey]:
    for limit_id, row in context.claim_limits:
        start = window_start(row.window, command.at, context.waves)
        take = command.units if row.take is None else row.take
        for key_id, kind in keys.items():
            if kind in row.keys:
                yield LimitKey(limit_id, start, key_id, kind, row.cap, take)
