"""The hot operations of this room: payment code, quote, hold and confirm, for every way in."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core import pii
from core.api.fields import id_from_path
from core.api.hot import Asked, HotRoute
from redemption.answers import REDEMPTION, confirm_answer, hold_answer, payment_code_answer
from redemption.api.serializers.payments import (
    HoldSerializer,
    PaymentSerializer,
    payment_request,
    quote_document,
)
from redemption.api.serializers.redemptions import ConfirmSerializer, PaymentCodeSerializer
from redemption.services.confirm import redemptions_confirm
from redemption.services.facts import StepFact, StepOutcome
from redemption.services.hold import redemptions_hold
from redemption.services.payment_codes import (
    MadeCode,
    PaymentCodeCommand,
    PaymentCodeOutcome,
    payment_codes_create,
)
from redemption.services.quote import Quote, QuoteOutcome, redemptions_quote
from redemption.services.requests import ConfirmCommand, HoldCommand, PaymentRequest
from vouchers.api.prefixes import PERSON
from vouchers.identity import identity_token


def _payer(data: Mapping[str, Any], _: Mapping[str, str]) -> UUID | None:
    """Return the person a payment names, if it names one."""
    person: UUID | None = data.get("person_id")
    return person


def _holder(path: Mapping[str, str]) -> UUID:
    return id_from_path(PERSON, path["person_id"])


def _code_command(asked: Asked) -> PaymentCodeCommand:
    return PaymentCodeCommand(
        client_id=asked.client.id,
        idempotency_key=asked.idempotency.key,
        at=asked.at,
        person_id=_holder(asked.path),
        device=identity_token(pii.DEVICE, asked.data["device"]),
        voucher_id=asked.data.get("voucher_id"),
    )


def _payment(asked: Asked) -> PaymentRequest:
    return payment_request(dict(asked.data), client_id=asked.client.id, at=asked.at)


def _hold_command(asked: Asked) -> HoldCommand:
    return HoldCommand(
        payment=_payment(asked),
        idempotency_key=asked.idempotency.key,
        fingerprint=asked.idempotency.fingerprint,
        order_no=asked.data["order_no"],
    )


def _confirm_command(asked: Asked) -> ConfirmCommand:
    return ConfirmCommand(
        **asked.keyed(),
        redemption_id=id_from_path(REDEMPTION, asked.path["redemption_id"]),
        paid_fen=asked.data["paid_fen"],
        channel_trade_no=asked.data["channel_trade_no"],
        paid_at=asked.data["paid_at"],
        tenders=tuple(dict(tender) for tender in asked.data.get("tenders", ())),
    )


ORDER_BYTES = 64 * 1024
"""A quote or hold with as many lines of an order as it may have (`MAX_ITEMS`)."""
PAYMENT_CODE: HotRoute[PaymentCodeCommand, PaymentCodeOutcome, MadeCode] = HotRoute(
    name="payment_codes",
    operation="payment_codes.create",
    path="persons/(?P<person_id>[^/]+)/payment-codes",
    serializer=PaymentCodeSerializer,
    status=lambda _: 201,
    person=lambda _, path: _holder(path),
    command=_code_command,
    decide=lambda commands: payment_codes_create(commands=commands),
    fact=lambda outcome: outcome.made,
    document=payment_code_answer,
)
QUOTE: HotRoute[PaymentRequest, QuoteOutcome, Quote] = HotRoute(
    name="quotes",
    operation="redemptions.quote",
    path="redemptions/quote",
    serializer=PaymentSerializer,
    status=lambda _: 200,
    person=_payer,
    command=_payment,
    decide=lambda payments: redemptions_quote(payments=payments),
    fact=lambda outcome: outcome.quote,
    document=quote_document,
    keyed=False,
    most_bytes=ORDER_BYTES,
)
HOLD: HotRoute[HoldCommand, StepOutcome, StepFact] = HotRoute(
    name="holds",
    operation="redemptions.hold",
    path="redemptions",
    serializer=HoldSerializer,
    status=lambda _: 201,
    person=_payer,
    command=_hold_command,
    decide=lambda commands: redemptions_hold(commands=commands),
    fact=lambda outcome: outcome.fact,
    document=hold_answer,
    most_bytes=ORDER_BYTES,
)
CONFIRM: HotRoute[ConfirmCommand, StepOutcome, StepFact] = HotRoute(
    name="confirms",
    operation="redemptions.confirm",
    path="redemptions/(?P<redemption_id>[^/]+)/confirm",
    serializer=ConfirmSerializer,
    status=lambda _: 200,
    person=lambda _data, _path: None,
    command=_confirm_command,
    decide=lambda commands: redemptions_confirm(commands=commands),
    fact=lambda outcome: outcome.fact,
    document=confirm_answer,
)
