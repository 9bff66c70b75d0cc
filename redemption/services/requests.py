"""What is asked of the redemption services: one frozen command per operation."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from redemption.rules.items import Item
from vouchers.identity import IdentityToken


class PaymentRequest(msgspec.Struct, frozen=True):
    """A payment as a till or channel describes it; ``at`` is its receipt (business time).

    Who pays is named in one of three ways: ``payment_code`` (any client), or ``voucher_ids`` or
    ``person_id`` (only the client the vouchers were issued through). ``region_code`` is where the
    customer's device says it is, ``device`` the device that shows the code, ``items`` the goods
    of the order that the till names, one line per code. ``bank_discount_fen`` is what of
    ``other_discount_fen`` the bank or wallet gives.
    """

    client_id: UUID
    at: datetime
    store_no: str
    terminal_no: str
    order_fen: int
    flow: str
    other_discount_fen: int = 0
    bank_discount_fen: int = 0
    card_bin: str = ""
    region_code: str | None = None
    payment_code: str | None = None
    person_id: UUID | None = None
    voucher_ids: tuple[UUID, ...] = ()
    device: IdentityToken | None = None
    items: tuple[Item, ...] = ()


class KeyedCommand(msgspec.Struct, frozen=True):
    """The idempotency key of a command, its fingerprint, its client and its receipt."""

    client_id: UUID
    idempotency_key: str
    fingerprint: str
    at: datetime


class HoldCommand(msgspec.Struct, frozen=True):
    """Hold the best (or the named) voucher for a payment under the till's order number."""

    payment: PaymentRequest
    idempotency_key: str
    fingerprint: str
    order_no: str

    @property
    def client_id(self) -> UUID:
        """The client that asks."""
        return self.payment.client_id

    @property
    def key(self) -> tuple[UUID, str]:
        """Client and idempotency key."""
        return self.client_id, self.idempotency_key

    @property
    def at(self) -> datetime:
        """Receipt of the request: the moment that decides about validity (domain-rules §4)."""
        return self.payment.at


class ConfirmCommand(KeyedCommand, frozen=True):
    """The customer has paid ``paid_fen``; ``tenders`` say how, ``paid_at`` when (as told)."""

    redemption_id: UUID
    paid_fen: int
    channel_trade_no: str
    paid_at: datetime
    tenders: tuple[dict[str, Any], ...] = ()


class ReleaseCommand(KeyedCommand, frozen=True):
    """Give a hold back."""

    redemption_id: UUID


class CancelCommand(KeyedCommand, frozen=True):
    """Undo a confirmed redemption as a whole, before the cut-off (撤销)."""

    redemption_id: UUID


class RefundCommand(KeyedCommand, frozen=True):
    """Refund ``order_fen`` of the order under the till's refund number (退款)."""

    redemption_id: UUID
    refund_no: str
    order_fen: int
