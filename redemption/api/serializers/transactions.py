"""Purchases without a voucher as acquirers and channels report them, and what came of them."""

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from core import pii
from core.api.fields import FenField, MomentField, PublicIdField, StrictCharField, moment_text
from core.api.serializers import QuerySerializer, StrictSerializer
from core.ids import to_public
from merchants.models import Transaction
from redemption.api.serializers.payments import VISIBLE
from redemption.models import Reward
from redemption.selectors import rewards_of
from redemption.services.purchases import PurchaseCommand
from redemption.services.requests import KeyedCommand, PaymentRequest
from redemption.states import Flow
from vouchers.api.prefixes import BATCH, PERSON
from vouchers.api.serializers.claims import REQUEST_NO_PATTERN
from vouchers.identity import identity_token

TRANSACTION = "txn"


class TransactionSerializer(StrictSerializer):
    """A purchase, or the refund of one; without payment code and person nobody gets anything."""

    transaction_no = StrictCharField(
        max_length=64, pattern=VISIBLE, help_text="交易号，每个接入方内唯一"
    )
    original_no = StrictCharField(
        max_length=64, pattern=VISIBLE, required=False, help_text="退款时为原消费的交易号"
    )
    payment_code = StrictCharField(
        max_length=40, required=False, help_text="扫到的付款码，或顾客报出的 18 位数字码"
    )
    person_id = PublicIdField(PERSON, required=False, help_text="本渠道用户")
    device = StrictCharField(
        max_length=128, required=False, help_text="出示付款码的设备标识，与生成时比对"
    )
    store_no = StrictCharField(max_length=20, help_text="门店编号")
    terminal_no = StrictCharField(max_length=8, help_text="终端号")
    order_fen = FenField(min_value=1, help_text="订单金额（分）；退款时为本次退款的订单金额")
    flow = serializers.ChoiceField(choices=Flow.choices)
    card_bin = StrictCharField(
        max_length=8, pattern="[0-9]{6,8}", required=False, help_text="银行卡前 6–8 位"
    )
    traded_at = MomentField(help_text="交易时间")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse two payers, a payer of a refund, and a payment code the wrong way round."""
        named = [name for name in ("payment_code", "person_id") if name in attrs]
        if len(named) > 1:
            raise ValidationError(dict.fromkeys(named, _("payment_code 与 person_id 只能给出一个")))
        if named and "original_no" in attrs:
            raise ValidationError({named[0]: _("退款以原交易号为准，不再给出付款人")})
        if "payment_code" in attrs and attrs["flow"] != Flow.MERCHANT_SCANS:
            raise ValidationError({"flow": _("使用付款码时须为 MERCHANT_SCANS")})
        if attrs.get("original_no") == attrs["transaction_no"]:
            raise ValidationError({"original_no": _("不得与本交易号相同")})
        return attrs


class TransactionQuery(QuerySerializer):
    """Which transaction."""

    request_no = serializers.RegexField(REQUEST_NO_PATTERN, help_text="上报请求的 Idempotency-Key")


class TransactionAnswerSerializer(serializers.Serializer[Any]):
    """A transaction as it was recorded."""

    transaction_id = PublicIdField(TRANSACTION)
    transaction_no = serializers.CharField()
    kind = serializers.ChoiceField(choices=Transaction.Kind.choices)
    original_no = serializers.CharField(allow_null=True)
    order_fen = serializers.IntegerField()
    traded_at = MomentField()
    recorded_at = MomentField()


class ReturnSerializer(serializers.Serializer[Any]):
    """A return voucher that a purchase was given, or why it was not."""

    batch_id = PublicIdField(BATCH)
    name = serializers.CharField()
    face_fen = serializers.IntegerField()
    state = serializers.ChoiceField(choices=Reward.State.choices)
    state_text = serializers.CharField()
    refusals = serializers.ListField(
        child=serializers.CharField(), help_text="未返原因的代码，仅用户所属渠道可见"
    )
    at = MomentField()


class TransactionStateSerializer(TransactionAnswerSerializer):
    """A transaction as it stands now."""

    refunded_fen = serializers.IntegerField(help_text="截至目前已退（分）")
    returns = ReturnSerializer(many=True, help_text="返券在交易之后数秒内发放")


def purchase_command(data: dict[str, Any], keyed: KeyedCommand) -> PurchaseCommand:
    """Return the command of a checked body."""
    return PurchaseCommand(
        payment=PaymentRequest(
            client_id=keyed.client_id,
            at=keyed.at,
            store_no=data["store_no"],
            terminal_no=data["terminal_no"],
            order_fen=data["order_fen"],
            flow=data["flow"],
            card_bin=data.get("card_bin", ""),
            payment_code=data.get("payment_code"),
            person_id=data.get("person_id"),
            device=identity_token(pii.DEVICE, data["device"]) if "device" in data else None,
        ),
        idempotency_key=keyed.idempotency_key,
        fingerprint=keyed.fingerprint,
        transaction_no=data["transaction_no"],
        traded_at=data["traded_at"],
        original_no=data.get("original_no"),
    )


def transaction_document(row: Transaction) -> dict[str, Any]:
    """Return a transaction as `TransactionAnswerSerializer` shows it: what never changes."""
    return {
        "transaction_id": to_public(TRANSACTION, row.pk),
        "transaction_no": row.transaction_no,
        "kind": row.kind,
        "original_no": row.original.transaction_no if row.original else None,
        "order_fen": row.order_fen,
        "traded_at": moment_text(row.traded_at),
        "recorded_at": moment_text(row.at),
    }


def transaction_state_document(row: Transaction, *, client_id: object) -> dict[str, Any]:
    """Return a transaction with what came of it, as it is told to a client."""
    return {
        **transaction_document(row),
        "refunded_fen": row.refunded_fen,
        "returns": returns_document(rewards_of(Reward.Source.TRANSACTION, row.pk), client_id),
    }


def returns_document(rewards: Iterable[Reward], client_id: object) -> list[dict[str, Any]]:
    """Return rewards as `ReturnSerializer` shows them; no voucher: that is its channel's.

    Why somebody was given nothing is told to his own channel only: it says who he is.
    """
    return [
        {
            "batch_id": to_public(BATCH, one.batch_id),
            "name": one.batch.name,
            "face_fen": one.batch.face_fen,
            "state": one.state,
            "state_text": one.get_state_display(),
            "refusals": one.refusals if one.enrolment.client_id == client_id else [],
            "at": moment_text(one.at),
        }
        for one in rewards
    ]
