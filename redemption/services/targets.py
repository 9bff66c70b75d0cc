"""The redemptions that commands name, with what the services need to know before they decide."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Protocol
from uuid import UUID

from core.clock import business_date
from redemption.models import Redemption, RedemptionLine
from redemption.services.facts import Key


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


@dataclass(frozen=True, slots=True)
class Target:
    """What never changes of a redemption after its hold, and its acquirer's terms."""

    redemption_id: UUID
    client_id: UUID
    campaign_id: UUID
    order: tuple[UUID, str]
    """Store and the till's order number."""
    payable_fen: int
    limits: tuple[dict[str, Any], ...]
    voucher_ids: tuple[UUID, ...]
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
        yield from self.voucher_ids
        for line in self.limits:
            yield line["limit_id"], line["window_start"], line["key_id"]


def targets_load(redemption_ids: Collection[UUID]) -> dict[UUID, Target]:
    """Load redemptions by id; unknown ones are missing; two queries."""
    vouchers: dict[UUID, list[UUID]] = defaultdict(list)
    for redemption_id, voucher_id in RedemptionLine.objects.filter(
        redemption_id__in=redemption_ids
    ).values_list("redemption_id", "voucher_id"):
        vouchers[redemption_id].append(voucher_id)
    rows = Redemption.objects.filter(pk__in=redemption_ids).values_list(
        "pk",
        "client_id",
        "campaign_id",
        "store_id",
        "order_no",
        "payable_fen",
        "limit_uses",
        "acquirer__cutoff",
        "acquirer__term_unit",
        "acquirer__term_days",
    )
    return {
        row[0]: Target(
            redemption_id=row[0],
            client_id=row[1],
            campaign_id=row[2],
            order=(row[3], row[4]),
            payable_fen=row[5],
            limits=tuple(row[6]),
            voucher_ids=tuple(sorted(vouchers[row[0]])),
            cutoff=row[7],
            term_unit=row[8],
            term_days=row[9],
        )
        for row in rows
    }


def key_of(command: Targeted) -> Key:
    """Return client and idempotency key of a command."""
    return command.client_id, command.idempotency_key
