"""What the rules look at: a voucher with its frozen rules, a payment, and where it takes place."""

import hashlib
from datetime import datetime
from uuid import UUID

import msgspec

from redemption.rules.items import Item
from vouchers.rules.model import BatchRules


class VoucherFacts(msgspec.Struct, frozen=True):
    """A voucher, the rules of its version, and the switches and regions of its campaign.

    ``held_until`` is the end of the hold where ``state`` is HELD.
    """

    voucher_id: UUID
    batch_id: UUID
    campaign_id: UUID
    enrolment_id: UUID
    client_id: UUID
    face_fen: int
    parts: tuple[int, ...]
    funder_ids: tuple[UUID, ...]
    state: str
    valid_from: datetime
    valid_until: datetime
    held_until: datetime | None
    rules: BatchRules
    batch_code: str
    batch_name: str
    owner_region: str
    campaign_regions: tuple[str, ...]
    paused: bool
    is_issued: bool = True
    """Whether there is such a voucher; else it is what somebody would be issued at a payment."""

    @property
    def draw(self) -> int:
        """The random number of the voucher, 0 before it is issued (redemption.subsidy_as_ruled)."""
        if not self.is_issued:
            return 0
        digest = hashlib.md5(str(self.voucher_id).encode(), usedforsecurity=False).hexdigest()
        return int(digest[:8], 16)


class PlaceFacts(msgspec.Struct, frozen=True):
    """The till a payment takes place at. ``None`` in its stead: the terminal is not registered."""

    acquirer_id: UUID
    merchant_id: UUID
    store_id: UUID
    store_no: str
    terminal_id: UUID
    store_region: str
    industry: str
    mcc: str
    brand: str
    """Code of the merchant's brand, empty without one."""
    tier: str
    store_active: bool
    merchant_state: str


class PaymentFacts(msgspec.Struct, frozen=True):
    """One payment: amounts in fen, the flow, the card, the place, and when it was received.

    ``bank_discount_fen`` is what of ``other_discount_fen`` the bank or wallet gives; the rest is
    the merchant's.
    """

    at: datetime
    order_fen: int
    other_discount_fen: int
    flow: str
    card_bin: str
    place: PlaceFacts | None
    listed_in: frozenset[UUID] = frozenset()
    """Campaigns whose whitelist in force has the store."""
    region_at: str | None = None
    """Region code of the customer's location; ``None`` if the request carries none."""
    bank_discount_fen: int = 0
    items: tuple[Item, ...] = ()
    """The goods of the order that the till names, one line per code."""
