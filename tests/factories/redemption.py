"""A campaign with a till, vouchers, and payments through the real services."""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core.models import Client
from merchants.models import Store, Terminal
from redemption.models import Redemption
from redemption.services.confirm import redemptions_confirm
from redemption.services.facts import StepOutcome
from redemption.services.hold import redemptions_hold
from redemption.services.requests import (
    CancelCommand,
    ConfirmCommand,
    HoldCommand,
    PaymentRequest,
    RefundCommand,
    ReleaseCommand,
)
from redemption.services.unhold import redemptions_time_out
from tests.factories.campaigns import OPENED_AT, BatchPlan, LiveCampaign, campaign_live, later
from tests.factories.claims import vouchers_issued
from tests.factories.merchants import acquirer_client, store_make, terminal_make
from vouchers.models import Batch, Enrolment, Voucher

AT = later(hours=2)
"""The usual moment of a payment: 10:00 on the first day, two hours after the release."""

_serial = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Shop:
    """A live campaign with one till on its list."""

    live: LiveCampaign
    terminal: Terminal
    client: Client

    @property
    def batch(self) -> Batch:
        """The first batch."""
        return self.live.batch

    @property
    def store(self) -> Store:
        """The till's store."""
        return self.terminal.store

    def payment(
        self, *, voucher: Voucher | None = None, at: datetime = AT, **more: Any
    ) -> PaymentRequest:
        """Return a payment of 100.00 at this till, made by the voucher's own channel."""
        fields: dict[str, Any] = {
            "client_id": voucher.client_id if voucher else self.client.pk,
            "at": at,
            "store_no": self.store.store_no,
            "terminal_no": self.terminal.terminal_no,
            "order_fen": 10_000,
            "flow": "MERCHANT_SCANS",
            "card_bin": "622848",
            "voucher_ids": (voucher.pk,) if voucher else (),
        }
        return PaymentRequest(**{**fields, **more})


def shop_make(*, batches: Sequence[BatchPlan] = (BatchPlan(),), **campaign: Any) -> Shop:
    """Return a live campaign with one listed store, its tested terminal and acquirer client."""
    terminal = terminal_make(store_make())
    live = campaign_live(batches=batches, stores=[terminal.store], **campaign)
    return Shop(live, terminal, acquirer_client(terminal.acquirer))


def key_next() -> str:
    """Return a fresh idempotency key."""
    return f"redemption-key-{next(_serial):08d}"


def fingerprint_of(*parts: object) -> str:
    """Return a fingerprint over what a request asks for."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def hold_command(payment: PaymentRequest, *, key: str = "", order_no: str = "") -> HoldCommand:
    """Return a hold with a key and order number of its own unless given."""
    return HoldCommand(
        payment=payment,
        idempotency_key=key or key_next(),
        fingerprint=fingerprint_of(
            payment.store_no, payment.order_fen, payment.voucher_ids, payment.person_id
        ),
        order_no=order_no or f"order-{next(_serial):08d}",
    )


def _keyed(redemption_id: UUID, key: str, at: datetime, *parts: object) -> dict[str, Any]:
    redemption = Redemption.objects.get(pk=redemption_id)
    return {
        "client_id": redemption.client_id,
        "idempotency_key": key or key_next(),
        "fingerprint": fingerprint_of(redemption_id, *parts),
        "at": at,
        "redemption_id": redemption_id,
    }


def confirm_command(
    redemption_id: UUID,
    *,
    at: datetime = AT,
    key: str = "",
    paid_fen: int | None = None,
    trade_no: str = "",
) -> ConfirmCommand:
    """Return a confirm of the amount due unless another is given."""
    due = Redemption.objects.get(pk=redemption_id).payable_fen
    paid = due if paid_fen is None else paid_fen
    return ConfirmCommand(
        **_keyed(redemption_id, key, at, paid),
        paid_fen=paid,
        channel_trade_no=trade_no or f"trade-{next(_serial):08d}",
        paid_at=at,
    )


def release_command(redemption_id: UUID, *, at: datetime = AT, key: str = "") -> ReleaseCommand:
    """Return a release."""
    return ReleaseCommand(**_keyed(redemption_id, key, at))


def cancel_command(redemption_id: UUID, *, at: datetime = AT, key: str = "") -> CancelCommand:
    """Return a cancel."""
    return CancelCommand(**_keyed(redemption_id, key, at))


def refund_command(
    redemption_id: UUID,
    order_fen: int,
    *,
    at: datetime = AT,
    key: str = "",
    refund_no: str = "",
) -> RefundCommand:
    """Return a refund with a number of its own unless given."""
    return RefundCommand(
        **_keyed(redemption_id, key, at, order_fen, refund_no),
        refund_no=refund_no or f"refund-{next(_serial):08d}",
        order_fen=order_fen,
    )


def accepted(outcomes: Sequence[StepOutcome]) -> list[UUID]:
    """Return the redemptions of outcomes that must all be accepted."""
    refused = [one.refusals for one in outcomes if one.fact is None]
    assert not refused, refused
    return [one.fact.redemption_id for one in outcomes if one.fact is not None]


def held_make(shop: Shop, voucher: Voucher | None = None, **payment: Any) -> UUID:
    """Hold a (new) voucher at the shop; return the redemption."""
    chosen = voucher or vouchers_issued(shop.batch, at=OPENED_AT)[0]
    request = shop.payment(voucher=chosen, **payment)
    return accepted(redemptions_hold(commands=[hold_command(request)]))[0]


def confirmed_make(
    shop: Shop, voucher: Voucher | None = None, *, at: datetime = AT, **payment: Any
) -> UUID:
    """Hold and confirm a (new) voucher at the shop; return the redemption."""
    redemption_id = held_make(shop, voucher, at=at, **payment)
    accepted(redemptions_confirm(commands=[confirm_command(redemption_id, at=at)]))
    return redemption_id


def holder_of(voucher: Voucher) -> Enrolment:
    """Return the account that holds a voucher."""
    return Enrolment.objects.get(pk=voucher.enrolment_id)


def held_twice_too_long(shop: Shop) -> tuple[UUID, UUID]:
    """Return two payments of one order by different vouchers, both timed out before their confirm.

    The second was possible because the first was timed out by then.
    """
    one, other = vouchers_issued(shop.batch, 2)
    again = AT + timedelta(seconds=121)
    payments = [shop.payment(voucher=one), shop.payment(voucher=other, at=again)]
    held = []
    for payment in payments:
        command = hold_command(payment, order_no="ORDER-LATE")
        held += accepted(redemptions_hold(commands=[command]))
        redemptions_time_out(now=payment.at + timedelta(seconds=120))
    return held[0], held[1]
