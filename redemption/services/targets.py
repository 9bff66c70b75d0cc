"""The redemptions that commands name, with what the services need to know before they decide."""

from collections.abc import Collection, Hashable, Iterator
from datetime import date, datetime, time
from typing import Any, Protocol
from uuid import UUID

import msgspec
import orjson
from django.db import connection
from msgspec.structs import replace

from core.clock import business_date
from redemption.services.facts import Key, UsedVoucher


class Targeted(Protocol):
    """A command about one redemption."""

    @property
    def client_id(self) -> UUID:
        """The client that asks."""

    @property
    def idempotency_key(self) -> str:
        """Its key."""

    @property
    def at(self) -> datetime:
        """Receipt of the request."""

    @property
    def redemption_id(self) -> UUID:
        """The redemption it is about."""


class Target(msgspec.Struct, frozen=True):
    """What never changes of a redemption after its hold, and its acquirer's terms."""

    redemption_id: UUID
    client_id: UUID
    campaign_id: UUID
    order: tuple[UUID, str]
    """Store and the till's order number."""
    order_fen: int
    other_discount_fen: int
    payable_fen: int
    subsidy_fen: int
    hold_expires_at: datetime
    funder_ids: tuple[UUID, ...]
    parts: tuple[int, ...]
    """What each funder gives."""
    limits: tuple[dict[str, Any], ...]
    vouchers: tuple[UsedVoucher, ...]
    cutoff: time
    term_unit: str
    term_days: int

    def day(self, at: datetime) -> date:
        """Return the business date a step at ``at`` belongs to."""
        return business_date(at, self.cutoff)

    def locks(self) -> Iterator[Hashable]:
        """Yield what no two commands of one call may share."""
        yield self.redemption_id
        yield self.client_id, *self.order
        yield from (voucher.voucher_id for voucher in self.vouchers)
        for line in self.limits:
            yield line["limit_id"], line["window_start"], line["key_id"]


def targets_load(redemption_ids: Collection[UUID]) -> dict[UUID, Target]:
    """Load redemptions by id; unknown ones are missing; one statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM redemption_targets(%s::uuid[])", [list(redemption_ids)])
        rows = cursor.fetchall()
    found: dict[UUID, Target] = {}
    for row in rows:
        voucher = UsedVoucher(*row[16:])
        if row[0] in found:
            known = found[row[0]]
            found[row[0]] = replace(known, vouchers=(*known.vouchers, voucher))
        else:
            found[row[0]] = Target(
                redemption_id=row[0],
                client_id=row[1],
                campaign_id=row[2],
                order=(row[3], row[4]),
                order_fen=row[5],
                other_discount_fen=row[6],
                payable_fen=row[7],
                subsidy_fen=row[8],
                hold_expires_at=row[9],
                funder_ids=tuple(row[10]),
                parts=tuple(row[11]),
                limits=tuple(orjson.loads(row[12])),
                vouchers=(voucher,),
                cutoff=row[13],
                term_unit=row[14],
                term_days=row[15],
            )
    return found


def key_of(command: Targeted) -> Key:
    """Return client and idempotency key of a command."""
    return command.client_id, command.idempotency_key
