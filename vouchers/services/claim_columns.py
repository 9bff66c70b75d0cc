"""A group of claims as the function `vouchers_claim` reads it: column by column, with new ids."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.hot import array_text, json_text, refusal_line
from core.ids import new_id, new_voucher_codes
from vouchers.services.claim_context import PartContext
from vouchers.services.claim_preparing import Prepared


class NewVoucher(NamedTuple):
    """A voucher if its claim (a place from 1 on) is accepted: its ``nth`` of that part."""

    claim: int
    nth: int
    voucher_id: UUID
    code: str
    valid_from: datetime
    valid_until: datetime
    part: PartContext


class NewClaim(NamedTuple):
    """What a claim becomes if it is accepted."""

    claim_id: UUID
    vouchers: tuple[NewVoucher, ...]


def claims_new(group: Sequence[Prepared]) -> list[NewClaim]:
    """Return new ids and codes for claims of one batch, in their order."""
    codes = iter(
        new_voucher_codes(sum(item.context.per_unit * item.command.units for item in group))
    )
    return [
        NewClaim(new_id(), tuple(_vouchers(place, item, codes)))
        for place, item in enumerate(group, 1)
    ]


def _vouchers(place: int, item: Prepared, codes: Iterator[str]) -> Iterator[NewVoucher]:
    for part, (valid_from, valid_until) in zip(item.context.issued, item.validities, strict=True):
        for nth in range(1, part.quantity * item.command.units + 1):
            yield NewVoucher(place, nth, new_id(), next(codes), valid_from, valid_until, part)


def claim_columns(group: Sequence[Prepared], new: Sequence[NewClaim]) -> list[str | None]:
    """Return the arguments of `vouchers_claim` from ``p_claims`` on (vouchers_claim.sql)."""
    context = group[0].context
    commands = [item.command for item in group]
    devices = [item.device for item in group]
    vouchers = [voucher for claim in new for voucher in claim.vouchers]
    limits = [limit for item in group for limit in item.limits]
    counted = [(place, device) for place, item in enumerate(group, 1) for device in item.devices]
    of_claims = [place for place, item in enumerate(group, 1) for _ in item.limits]
    words = {
        str(limit_id): {"window": row.window}
        | ({"conflicts_with": row.conflicts_with} if row.conflicts_with else {})
        for limit_id, row in context.claim_limits
    }
    return [
        array_text([one.claim_id for one in new]),
        array_text([one.client_id for one in commands]),
        array_text([one.idempotency_key for one in commands]),
        array_text([one.fingerprint for one in commands]),
        array_text([one.enrolment_id for one in commands]),
        array_text([one.at for one in commands]),
        array_text([one.units for one in commands]),
        None if set(devices) == {None} else array_text(devices),
        array_text([claim for claim, _ in counted]) if context.rules.device else None,
        array_text([device for _, device in counted]) if context.rules.device else None,
        _refusals(group),
        array_text([one.claim for one in vouchers]),
        array_text([one.nth for one in vouchers]),
        array_text([one.voucher_id for one in vouchers]),
        array_text([one.code for one in vouchers]),
        array_text([one.valid_from for one in vouchers]),
        array_text([one.valid_until for one in vouchers]),
        array_text([one.part.batch_id for one in vouchers]) if context.parts else None,
        array_text([one.part.version_id for one in vouchers]) if context.parts else None,
        array_text(of_claims),
        array_text([one.limit_id for one in limits]),
        array_text([one.window_start for one in limits]),
        array_text([one.key_id for one in limits]),
        array_text([one.kind for one in limits]),
        array_text([one.cap for one in limits]),
        array_text([one.take for one in limits]),
        json_text(words),
    ]


def _refusals(group: Sequence[Prepared]) -> str | None:
    if not any(item.refusals for item in group):
        return None
    return json_text([[refusal_line(one) for one in item.refusals] for item in group])
