"""The stock of a batch as its waves open and close; figures of claims are kept beside it."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from uuid import UUID

from core.errors import Refusal
from vouchers.definition.model import BatchSpec
from vouchers.rules.caps import CapRow, cap_rows
from vouchers.rules.limits import LimitRow, limit_rows
from vouchers.rules.model import rolls_over
from vouchers.services.stock import Stock

WAVES_KEPT = 10
"""The last slots that had come, as the claim service knows them."""


@dataclass(slots=True, eq=False)
class Wave:
    """A wave of the sample: its units, what became of them and of the people who came for it.

    Once it is open ``units`` has what earlier waves left over too, where the batch says so.
    """

    slot: datetime
    closes_at: datetime | None
    units: int
    claimed: int = 0
    by_second: Counter[int] = field(default_factory=Counter)
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def left(self) -> int:
        """Units not claimed."""
        return self.units - self.claimed


@dataclass
class Stage:
    """A batch in play. The counters are the batch's own: a wave that closes takes units back."""

    batch: BatchSpec
    """At the size of the sample."""
    planned: BatchSpec
    """As the definition has it."""
    waves: list[Wave]
    released: int = 0
    issued: int = 0
    opened: list[Wave] = field(default_factory=list)
    """Open waves that have units left, the earliest first."""
    begun: int = 0
    """How many waves have opened; they do so in order."""
    come: list[datetime] = field(default_factory=list)
    """Slots that have come, the latest first."""
    inside: list[tuple["Stage", int]] = field(default_factory=list)
    """What a pack is made of, and how many of each."""
    pack: "Stage | None" = None
    """The pack that a batch is part of."""
    unused: set[UUID] = field(default_factory=set)
    """Vouchers that nobody has used yet, kept where what expires opens again."""
    owed: int = 0
    """Units that closed waves left and vouchers that expired, for the next wave."""

    @property
    def opens(self) -> int:
        """The units of all waves: its own, or those of its pack."""
        if self.pack is None:
            return sum(wave.units for wave in self.waves)
        return self.pack.opens * next(q for one, q in self.pack.inside if one is self)

    @cached_property
    def claim_rows(self) -> tuple[LimitRow, ...]:
        """The rows that claims count on."""
        return tuple(limit_rows(self.batch.code, self.batch.rules, "CLAIM"))

    @cached_property
    def cap_rows(self) -> tuple[CapRow, ...]:
        """The caps of all people together that claims count on."""
        return tuple(cap_rows(self.batch.code, self.batch.rules))

    @cached_property
    def use_rows(self) -> tuple[LimitRow, ...]:
        """The rows that uses count on."""
        return tuple(limit_rows(self.batch.code, self.batch.rules, "REDEMPTION"))

    @property
    def rolls_over(self) -> bool:
        """Whether what a wave leaves opens with the next one."""
        return rolls_over(self.batch.rules)

    def wave_opens(self, wave: Wave) -> None:
        """Release its units, and what is left over (vouchers/services/coverage.py)."""
        wave.units += self.owed
        self.owed = 0
        self.released += wave.units
        self.begun += 1
        self.opened.append(wave)
        self.come = [wave.slot, *self.come][:WAVES_KEPT]

    def wave_closes(self, wave: Wave) -> None:
        """Take back what nobody claimed."""
        self.released -= wave.left
        if self.rolls_over:
            self.owed += wave.left
        if wave in self.opened:
            self.opened.remove(wave)

    def expires(self, voucher_id: UUID) -> None:
        """Take a voucher back that nobody has used."""
        if voucher_id in self.unused:
            self.unused.remove(voucher_id)
            self.owed += 1

    def nothing_left(self, at: datetime) -> Refusal | None:
        """Return the refusal that a claim at ``at`` meets before anything else (`Stock`)."""
        if self.released > self.issued:
            return None
        stock = Stock(
            claimable=True,
            released=self.released,
            issued=self.issued,
            first_slot=self.come[-1] if self.come else None,
            latest_open=self.opened[-1].slot if self.opened else None,
            next_slot=self._coming(),
        )
        return stock.refusal(at)

    def no_unit(self) -> Refusal | None:
        """Return what is said where no wave has a unit (vouchers_claim_checks.sql).

        That is where the counters alone do not tell: no wave has come yet, or one closed before
        anybody claimed.
        """
        if self.released > self.issued:
            return None
        coming = self._coming()
        if not self.come or (coming and not self.released):
            return Refusal("claim.not_started", {"opens_at": coming})
        return Refusal("claim.sold_out", {"next_release_at": coming})

    def _coming(self) -> datetime | None:
        return self.waves[self.begun].slot if self.begun < len(self.waves) else None

    def take(self, at: datetime) -> Wave:
        """Take one unit of the earliest open wave that has one."""
        wave = self.opened[0]
        wave.claimed += 1
        if not wave.left:
            self.opened.remove(wave)
        wave.by_second[int((at - wave.slot).total_seconds())] += 1
        self.issued += 1
        return wave
