"""What a forecast says. Counts are of the sample times the scale, amounts in fen."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

import msgspec

from core.canonical import to_plain_object

SCHEMA: Final = "xfq-forecast/1"


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    pass


class WaveForecast(_Part, frozen=True):
    """A wave (投放).

    ``units`` are the plan's, ``released`` those the sample stands for, with what earlier waves left
    over where the batch rolls it over: ``released = claimed + left``. ``claimed`` are units of this
    wave, ``attempts = accepted + Σ refused`` the claims of people who came for it; what an earlier
    wave had left serves them first. ``sold_out_at`` is the minute its last unit went, None if
    ``left`` at its close. ``curve`` are points (seconds after the slot, units left), the first at
    0, falling.
    """

    slot: datetime
    closes_at: datetime | None
    units: int
    released: int
    claimed: int
    left: int
    attempts: int
    accepted: int
    refused: dict[str, int]
    sold_out_at: datetime | None
    sold_out_after_s: int | None
    curve: tuple[tuple[int, int], ...]


class DayForecast(_Part, frozen=True):
    """Redemptions of one day."""

    day: date
    redeemed: int
    subsidy_fen: int
    order_fen: int


class TicketsForecast(_Part, frozen=True):
    """Payments tried with a voucher: ``drawn = below + reached = redeemed + Σ refused``.

    ``below`` do not reach the threshold; each refused one counts under its first reason.
    """

    drawn: int
    below: int
    reached: int
    refused: dict[str, int]


class BatchForecast(_Part, frozen=True):
    """A batch (券批次): ``released = claimed + left``, ``claimed = redeemed + expired``.

    A pack is claimed only: its vouchers are those of the batches it is made of.
    """

    code: str
    name: str
    face_fen: int
    threshold_fen: int
    issuing: str
    pack: bool
    units: int
    released: int
    claimed: int
    left: int
    attempts: int
    refused: dict[str, int]
    redeemed: int
    expired: int
    subsidy_fen: int
    order_fen: int
    tickets: TicketsForecast
    days: tuple[DayForecast, ...]
    waves: tuple[WaveForecast, ...]


class FunderForecast(_Part, frozen=True):
    """A funder's money: ``issued = redeemed + returned``, ``quota = redeemed + left``."""

    code: str
    name: str
    level: str
    quota_fen: int
    issued_fen: int
    redeemed_fen: int
    returned_fen: int
    left_fen: int


class Sample(_Part, frozen=True):
    """How many were really played; every count of the forecast is ``scale`` times its own."""

    scale: int
    units: int
    persons: int
    attempts: int
    tickets: int
    unplayed_waves: int
    """Waves too small for a unit of the sample."""


class Forecast(_Part, frozen=True):
    """The forecast of one configuration (``config_hash``: of the canonical document)."""

    campaign: str
    title: str
    config_hash: str
    starts_at: datetime
    ends_at: datetime
    seed: int
    parameters: dict[str, int]
    sample: Sample
    persons: int
    claimants: int
    batches: tuple[BatchForecast, ...]
    funders: tuple[FunderForecast, ...]
    schema: str = SCHEMA

    def plain(self) -> dict[str, Any]:
        """Return the JSON value; the same forecast has the same bytes."""
        value = msgspec.to_builtins(self, builtin_types=(datetime, date))
        return to_plain_object(value)

    @property
    def vouchers(self) -> tuple[BatchForecast, ...]:
        """The batches whose vouchers people hold: all but packs."""
        return tuple(batch for batch in self.batches if not batch.pack)

    def total(self, name: str) -> int:
        """Return the sum of a count or amount over the batches, of vouchers and not of packs."""
        return sum(getattr(batch, name) for batch in self.vouchers)

    def attempts(self) -> int:
        """Return how often somebody asked for a voucher or a pack."""
        return sum(batch.attempts for batch in self.batches)

    def refused(self) -> dict[str, int]:
        """Return claims refused by code over the batches."""
        return codes_sum([batch.refused for batch in self.batches])

    def refused_tickets(self) -> dict[str, int]:
        """Return payments refused by code over the batches."""
        return codes_sum([batch.tickets.refused for batch in self.batches])


def codes_sum(parts: Sequence[dict[str, int]]) -> dict[str, int]:
    """Add counts by code, the most frequent first."""
    total: dict[str, int] = {}
    for part in parts:
        for code, count in part.items():
            total[code] = total.get(code, 0) + count
    return dict(sorted(total.items(), key=lambda one: (-one[1], one[0])))


def forecast_read(plain: object) -> Forecast:
    """Read a forecast from its JSON value.

    Raises:
        msgspec.ValidationError: not a forecast of this schema.
    """
    return msgspec.convert(plain, Forecast)
