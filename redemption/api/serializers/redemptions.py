"""Bodies and answers about one redemption."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from core.api.fields import FenField, MomentField, PublicIdField, StrictCharField, moment_text
from core.api.serializers import QuerySerializer, StrictSerializer
from core.ids import to_public
from redemption.answers import REDEMPTION, STEP, VOUCHER
from redemption.api.serializers.payments import VISIBLE
from redemption.api.serializers.transactions import ReturnSerializer, returns_document
from redemption.models import Redemption, Reward
from redemption.selectors import redemption_state, rewards_of
from redemption.states import RedemptionState, StepKind, VoucherFate
from vouchers.api.prefixes import PERSON
from vouchers.api.serializers.claims import REQUEST_NO_PATTERN

MAX_TENDERS = 10
PAYER = "PAYER"
PAID_WITH = (
    ("CARD", _("银行卡")),
    ("WALLET", _("钱包余额")),
    ("CASH", _("现金")),
    ("POINTS", _("积分")),
    ("OTHER", _("其他")),
)
ORDER_PARTS = (
    ("VOUCHER", _("消费券")),
    ("MERCHANT_OFFER", _("商户优惠")),
    ("BANK_OFFER", _("银行优惠")),
    (PAYER, _("顾客支付")),
    *PAID_WITH,
)


class EmptySerializer(StrictSerializer):
    """No members."""


class TenderSerializer(StrictSerializer):
    """A part of what the customer paid."""

    kind = serializers.ChoiceField(choices=PAID_WITH)
    amount_fen = FenField(min_value=1)


class OrderPartSerializer(serializers.Serializer[Any]):
    """A part of what the order is paid with."""

    kind = serializers.ChoiceField(choices=ORDER_PARTS, help_text="PAYER 为未说明方式的顾客支付")
    amount_fen = serializers.IntegerField()


class ConfirmSerializer(StrictSerializer):
    """What the customer paid, and under which number."""

    paid_fen = FenField(help_text="顾客实付（分），须等于应付")
    channel_trade_no = StrictCharField(max_length=64, pattern=VISIBLE, help_text="渠道交易号")
    paid_at = MomentField()
    tenders = serializers.ListField(
        child=TenderSerializer(), required=False, max_length=MAX_TENDERS, help_text="支付组成"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse tenders that do not add up to what was paid."""
        if "tenders" in attrs:
            total = sum(tender["amount_fen"] for tender in attrs["tenders"])
            if total != attrs["paid_fen"]:
                raise ValidationError({"tenders": _("合计须等于 paid_fen")})
        return attrs


class RefundSerializer(StrictSerializer):
    """How much of the order is refunded, under which number."""

    refund_no = StrictCharField(
        max_length=64, pattern=VISIBLE, help_text="退款单号，每笔核销内唯一"
    )
    order_fen = FenField(min_value=1, help_text="退款的订单金额（分）")


class RefundQuery(QuerySerializer):
    """Whether to try only."""

    dry_run = serializers.BooleanField(required=False, help_text="true：只试算，不退款")


class RedemptionQuery(QuerySerializer):
    """Which redemption."""

    request_no = serializers.RegexField(
        REQUEST_NO_PATTERN, required=False, help_text="任一步请求的 Idempotency-Key"
    )
    order_no = serializers.RegexField(
        f"^{VISIBLE}$", required=False, help_text="商户订单号；多次占用时为最近一次"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse none or both."""
        if ("request_no" in attrs) == ("order_no" in attrs):
            raise ValidationError({"request_no": _("request_no 与 order_no 须且只能给出一个")})
        return attrs


class PaymentCodeSerializer(StrictSerializer):
    """The device that shows the code, and the voucher it is for if only that may be used."""

    device = StrictCharField(max_length=128, help_text="用户已登记的设备标识")
    voucher_id = PublicIdField(VOUCHER, required=False)


class PaymentCodeAnswerSerializer(serializers.Serializer[Any]):
    """A code for 60 seconds and one use."""

    payment_code = serializers.CharField(help_text="用于二维码")
    numeric_code = serializers.CharField(help_text="18 位数字，末位为校验位")
    expires_at = MomentField(help_text="不含")


class FunderPartSerializer(serializers.Serializer[Any]):
    """What one funder gives."""

    code = serializers.CharField()
    name = serializers.CharField()
    amount_fen = serializers.IntegerField()


class HeldVoucherSerializer(serializers.Serializer[Any]):
    """A voucher of a payment."""

    voucher_id = PublicIdField(VOUCHER)
    name = serializers.CharField()
    used_fen = serializers.IntegerField()


class HoldAnswerSerializer(serializers.Serializer[Any]):
    """A hold."""

    redemption_id = PublicIdField(REDEMPTION)
    order_no = serializers.CharField()
    order_fen = serializers.IntegerField()
    other_discount_fen = serializers.IntegerField()
    subsidy_fen = serializers.IntegerField()
    payable_fen = serializers.IntegerField()
    vouchers = HeldVoucherSerializer(many=True)
    held_at = MomentField()
    hold_expires_at = MomentField(help_text="不含；此前须核销或释放")


class ConfirmAnswerSerializer(serializers.Serializer[Any]):
    """A confirmed redemption."""

    redemption_id = PublicIdField(REDEMPTION)
    order_no = serializers.CharField()
    channel_trade_no = serializers.CharField()
    order_fen = serializers.IntegerField()
    other_discount_fen = serializers.IntegerField()
    subsidy_fen = serializers.IntegerField()
    paid_fen = serializers.IntegerField()
    funders = FunderPartSerializer(many=True)
    confirmed_at = MomentField()
    business_date = serializers.DateField(help_text="账务日期")
    cancellable_until = MomentField(help_text="撤销截止（不含）")
    payout_expected_on = serializers.DateField(
        allow_null=True, help_text="预计划付日期；当年放假安排尚未公布时为 null"
    )


class ReleaseAnswerSerializer(serializers.Serializer[Any]):
    """A hold given back."""

    redemption_id = PublicIdField(REDEMPTION)
    order_no = serializers.CharField()
    released_at = MomentField()


class CancelAnswerSerializer(serializers.Serializer[Any]):
    """A cancelled redemption."""

    redemption_id = PublicIdField(REDEMPTION)
    order_no = serializers.CharField()
    order_fen = serializers.IntegerField()
    payer_fen = serializers.IntegerField()
    subsidy_fen = serializers.IntegerField()
    funders = FunderPartSerializer(many=True)
    voucher_fate = serializers.ChoiceField(choices=VoucherFate.choices)
    cancelled_at = MomentField()
    business_date = serializers.DateField()


class RefundPreviewSerializer(serializers.Serializer[Any]):
    """What a refund would do."""

    redemption_id = PublicIdField(REDEMPTION)
    refund_no = serializers.CharField()
    order_fen = serializers.IntegerField()
    payer_fen = serializers.IntegerField(help_text="退给顾客（分）")
    subsidy_fen = serializers.IntegerField(help_text="退回出资方（分）")
    funders = FunderPartSerializer(many=True)
    voucher_fate = serializers.ChoiceField(choices=VoucherFate.choices)


class RefundAnswerSerializer(RefundPreviewSerializer):
    """A refund."""

    refund_id = PublicIdField(STEP)
    refunded_order_fen = serializers.IntegerField(help_text="截至本次累计")
    refunded_payer_fen = serializers.IntegerField()
    refunded_subsidy_fen = serializers.IntegerField()
    refunded_at = MomentField()
    business_date = serializers.DateField()


class StepSerializer(serializers.Serializer[Any]):
    """One step of a redemption."""

    kind = serializers.ChoiceField(choices=StepKind.choices)
    kind_text = serializers.CharField()
    at = MomentField()
    request_no = serializers.CharField(allow_null=True, help_text="仅本接入方的请求")
    reference = serializers.CharField()
    order_fen = serializers.IntegerField()
    payer_fen = serializers.IntegerField()
    subsidy_fen = serializers.IntegerField()
    voucher_fate = serializers.CharField()


class RedemptionSerializer(serializers.Serializer[Any]):
    """A redemption as it stands now."""

    redemption_id = PublicIdField(REDEMPTION)
    person_id = PublicIdField(PERSON, allow_null=True, help_text="仅发券渠道可见")
    state = serializers.ChoiceField(choices=RedemptionState.choices)
    state_text = serializers.CharField()
    order_no = serializers.CharField()
    store_no = serializers.CharField()
    store_name = serializers.CharField()
    terminal_no = serializers.CharField()
    flow = serializers.CharField()
    order_fen = serializers.IntegerField()
    other_discount_fen = serializers.IntegerField()
    bank_discount_fen = serializers.IntegerField(help_text="其中银行或钱包的优惠")
    subsidy_fen = serializers.IntegerField()
    payable_fen = serializers.IntegerField()
    tenders = OrderPartSerializer(many=True, help_text="支付构成，合计等于订单金额")
    held_at = MomentField()
    hold_expires_at = MomentField()
    confirmed_at = MomentField(allow_null=True)
    business_date = serializers.DateField(allow_null=True)
    channel_trade_no = serializers.CharField()
    refunded_order_fen = serializers.IntegerField()
    refunded_payer_fen = serializers.IntegerField()
    refunded_subsidy_fen = serializers.IntegerField()
    refundable_fen = serializers.IntegerField()
    vouchers = HeldVoucherSerializer(many=True)
    steps = StepSerializer(many=True)
    returns = ReturnSerializer(many=True, help_text="消费返券；核销之后数秒内发放")


def redemption_document(
    redemption: Redemption, *, client_id: object, now: datetime
) -> dict[str, Any]:
    """Return a redemption as `RedemptionSerializer` shows it to one client."""
    state = redemption_state(redemption, now=now)
    confirmed = state == RedemptionState.CONFIRMED
    issuer = redemption.voucher_client_id == client_id
    return {
        "redemption_id": to_public(REDEMPTION, redemption.pk),
        "person_id": to_public(PERSON, redemption.enrolment_id) if issuer else None,
        "state": state,
        "state_text": state.label,
        "order_no": redemption.order_no,
        "store_no": redemption.store.store_no,
        "store_name": redemption.store.name,
        "terminal_no": redemption.terminal.terminal_no,
        "flow": redemption.flow,
        "order_fen": redemption.order_fen,
        "other_discount_fen": redemption.other_discount_fen,
        "bank_discount_fen": redemption.bank_discount_fen,
        "subsidy_fen": redemption.subsidy_fen,
        "payable_fen": redemption.payable_fen,
        "tenders": list(_tenders(redemption)),
        "held_at": moment_text(redemption.held_at),
        "hold_expires_at": moment_text(redemption.hold_expires_at),
        "confirmed_at": moment_text(redemption.confirmed_at) if redemption.confirmed_at else None,
        "business_date": redemption.business_date.isoformat() if redemption.business_date else None,
        "channel_trade_no": redemption.channel_trade_no,
        "refunded_order_fen": redemption.refunded_order_fen,
        "refunded_payer_fen": redemption.refunded_payer_fen,
        "refunded_subsidy_fen": redemption.refunded_subsidy_fen,
        "refundable_fen": redemption.order_fen - redemption.refunded_order_fen if confirmed else 0,
        "vouchers": [
            {
                "voucher_id": to_public(VOUCHER, line.voucher_id),
                "name": line.batch.name,
                "used_fen": line.used_fen,
            }
            for line in redemption.lines.all()
        ],
        "steps": [
            {
                "kind": step.kind,
                "kind_text": StepKind(step.kind).label,
                "at": moment_text(step.at),
                "request_no": step.idempotency_key if step.client_id == client_id else None,
                "reference": step.reference,
                "order_fen": step.order_fen,
                "payer_fen": step.payer_fen,
                "subsidy_fen": step.subsidy_fen,
                "voucher_fate": step.voucher_fate,
            }
            for step in redemption.steps.all()
        ],
        "returns": returns_document(rewards_of(Reward.Source.REDEMPTION, redemption.pk), client_id),
    }


def _tenders(redemption: Redemption) -> Iterator[dict[str, Any]]:
    """Yield what the order is paid with: voucher, offers, then the payer's own money as told."""
    yield _tender("VOUCHER", redemption.subsidy_fen)
    offers = {
        "MERCHANT_OFFER": redemption.other_discount_fen - redemption.bank_discount_fen,
        "BANK_OFFER": redemption.bank_discount_fen,
    }
    yield from (_tender(kind, fen) for kind, fen in offers.items() if fen)
    confirm = next((one for one in redemption.steps.all() if one.kind == StepKind.CONFIRM), None)
    told = confirm.detail.get("tenders") if confirm else None
    if redemption.payable_fen:
        yield from told or [_tender(PAYER, redemption.payable_fen)]


def _tender(kind: str, fen: int) -> dict[str, Any]:
    return {"kind": kind, "amount_fen": fen}
