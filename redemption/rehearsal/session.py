"""What all actors of a rehearsal share: clients, the world, the agenda, and the tills' own log."""

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from redemption.rehearsal.agenda import Agenda
from redemption.rehearsal.client import ApiClient, Tally
from redemption.rehearsal.world import Shop, World

TillKind = Literal["SALE", "REFUND", "CANCEL"]


@dataclass(frozen=True, slots=True)
class TillRow:
    """One transaction as the acquirer's own systems saw it: what its detail file is made of."""

    acquirer: str
    kind: TillKind
    at: datetime
    merchant_no: str
    terminal_no: str
    order_no: str
    trade_no: str
    origin_no: str
    order_fen: int
    subsidy_fen: int
    paid_fen: int


@dataclass(frozen=True, slots=True)
class Tier:
    """A batch as the channels see it."""

    batch_id: str
    code: str
    threshold_fen: int
    face_fen: int
    any_flow: bool


@dataclass(slots=True)
class Session:
    """The state of one rehearsal; deeds of several threads use it at once."""

    world: World
    agenda: Agenda
    tally: Tally
    channels: dict[str, ApiClient]
    tills: dict[str, ApiClient]
    store_nos: dict[str, str]
    """Platform's store number by the shop's USCC."""
    tiers: list[Tier]
    persons: dict[int, str] = field(default_factory=dict)
    log: list[TillRow] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    insiders: dict[int, Shop] = field(default_factory=dict)
    """People who work in a shop, by number: they redeem where they work (FM10)."""
    night_owls: frozenset[int] = frozenset()
    """People who shop shortly before the cut-off, so that a trade crosses the day."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _serial: int = 0

    def key(self, what: str) -> str:
        """Return a fresh idempotency key; the caller keeps it for every repetition."""
        with self._lock:
            self._serial += 1
            return f"reh-{what}-{self._serial:010d}"

    def note(self, what: str, number: int = 1) -> None:
        """Count something the API's answers do not show."""
        with self._lock:
            self.counts[what] = self.counts.get(what, 0) + number

    def rung_up(self, row: TillRow) -> None:
        """Keep a transaction in the tills' log."""
        with self._lock:
            self.log.append(row)
