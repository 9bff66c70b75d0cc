"""The hot operations of this room: hold and confirm, for every way in."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core.api.fields import id_from_path
from core.api.hot import Asked, HotRoute
from redemption.answers import REDEMPTION, confirm_answer, hold_answer
from redemption.api.serializers.payments import HoldSerializer, payment_request
from redemption.api.serializers.redemptions import ConfirmSerializer
from redemption.services.confirm import redemptions_confirm
from redemption.services.facts import StepFact, StepOutcome
from redemption.services.hold import redemptions_hold
from redemption.services.requests import ConfirmCommand, HoldCommand


def payer_named(data: Mapping[str, Any]) -> UUID | None:
    """Return the person a payment names, if it names one."""
    person: UUID | None = data.get("person_id")
    return person


def _hold_command(asked: Asked) -> HoldCommand:
    return HoldCommand(
        payment=payment_request(dict(asked.data), client_id=asked.client.id, at=asked.at),
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


HOLD: HotRoute[HoldCommand, StepOutcome, StepFact] = HotRoute(
    name="holds",
    operation="redemptions.hold",
    path="redemptions",
    serializer=HoldSerializer,
    status=201,
    person=payer_named,
    command=_hold_command,
    decide=lambda commands: redemptions_hold(commands=commands),
    fact=lambda outcome: outcome.fact,
    document=hold_answer,
)
CONFIRM: HotRoute[ConfirmCommand, StepOutcome, StepFact] = HotRoute(
    name="confirms",
    operation="redemptions.confirm",
    path="redemptions/(?P<redemption_id>[^/]+)/confirm",
    serializer=ConfirmSerializer,
    status=200,
    person=lambda _: None,
    command=_confirm_command,
    decide=lambda commands: redemptions_confirm(commands=commands),
    fact=lambda outcome: outcome.fact,
    document=confirm_answer,
)
