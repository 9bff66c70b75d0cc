"""What a till or channel says about a payment; the quote's answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, get_args
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from core import pii
from core.api.fields import (
    FenField,
    MomentField,
    PublicIdField,
    ShortListField,
    StrictCharField,
    StrictIntegerField,
    moment_text,
)
from core.api.serializers import RefusalSerializer, StrictSerializer
from core.errors.handler import language_current
from core.errors.problem import refusal_document
from core.ids import to_public
from redemption.answers import VOUCHER
from redemption.rules.items import Item, items_merged
from redemption.services.choosing import Candidate
from redemption.services.quote import Quote
from redemption.services.requests import PaymentRequest
from redemption.states import Flow
from vouchers.api.prefixes import BATCH, PERSON
from vouchers.api.serializers.claims import LocationSerializer
from vouchers.identity import identity_token
from vouchers.rules.model import GoodsName
from vouchers.rules.refund_words import refund_words
from vouchers.rules.use_words import goods_words
from vouchers.rules.words import benefit_words

VISIBLE: Final = "[!-~]{1,64}"
MAX_VOUCHERS: Final = 5
MAX_ITEMS: Final = 100
MAX_QUANTITY: Final = 99_999
ITEM_CODE: Final = "[0-9A-Za-z._-]{1,40}"
OTHER: Final = "OTHER"
PAYER_FIELDS: Final = ("payment_code", "person_id", "voucher_ids")


class ItemSerializer(StrictSerializer):
    """A line of the order: goods of one number, or of one category."""

    sku = StrictCharField(
        max_length=40, pattern=ITEM_CODE, required=False, help_text="商品编码（69 码或店内编码）"
    )
    name = StrictCharField(max_length=100, required=False, help_text="商品名称")
    quantity = StrictIntegerField(
        min_value=1, max_value=MAX_QUANTITY, required=False, help_text="件数，默认为 1"
    )
    amount_fen = FenField(min_value=1, help_text="本行金额（分），优惠前")
    category = StrictCharField(
        max_length=40, pattern=ITEM_CODE, required=False, help_text="商品类别，编码由活动规则给出"
    )
    kind = serializers.ChoiceField(
        choices=[*((kind, goods_words(kind)) for kind in get_args(GoodsName)), (OTHER, _("其他"))],
        required=False,
        help_text="平台通用的商品类别，可代替 category；券可能不适用于其中一些",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a line that names nothing, or its category twice."""
        if not {"sku", "category", "kind"} & set(attrs):
            raise ValidationError({"sku": _("sku、category、kind 须至少给出一个")})
        if {"category", "kind"} <= set(attrs):
            raise ValidationError({"kind": _("category 与 kind 只能给出一个")})
        return attrs


class PaymentSerializer(StrictSerializer):
    """A payment: exactly one of payment code, person or vouchers says who pays."""

    payment_code = StrictCharField(
        max_length=40, required=False, help_text="扫到的付款码，或顾客报出的 18 位数字码"
    )
    person_id = PublicIdField(PERSON, required=False, help_text="本渠道用户；自动选用最优的券")
    voucher_ids = ShortListField(
        child=PublicIdField(VOUCHER),
        required=False,
        allow_empty=False,
        max_length=MAX_VOUCHERS,
        help_text="指定的券，仅限本渠道发放的券",
    )
    store_no = StrictCharField(max_length=20, help_text="门店编号")
    terminal_no = StrictCharField(max_length=8, help_text="终端号")
    order_fen = FenField(min_value=1, help_text="订单金额（分）")
    other_discount_fen = FenField(required=False, help_text="商户及银行优惠合计（分）")
    bank_discount_fen = FenField(
        required=False, help_text="其中银行或钱包的优惠（分），其余为商户优惠"
    )
    flow = serializers.ChoiceField(choices=Flow.choices)
    card_bin = StrictCharField(
        max_length=8, pattern="[0-9]{6,8}", required=False, help_text="银行卡前 6–8 位"
    )
    device = StrictCharField(
        max_length=128, required=False, help_text="出示付款码的设备标识，与生成时比对"
    )
    location = LocationSerializer(required=False, help_text="顾客所在地")
    items = ShortListField(
        child=ItemSerializer(),
        required=False,
        max_length=MAX_ITEMS,
        help_text="订单中的商品，合计不大于订单金额；未列出的部分视为其他",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse no payer or several, a payment code the wrong way round, too high a discount."""
        named = [name for name in PAYER_FIELDS if name in attrs]
        if len(named) != 1:
            reason = _("payment_code、person_id、voucher_ids 须且只能给出一个")
            raise ValidationError(dict.fromkeys(named or PAYER_FIELDS[:1], reason))
        if "payment_code" in attrs and attrs["flow"] != Flow.MERCHANT_SCANS:
            raise ValidationError({"flow": _("使用付款码时须为 MERCHANT_SCANS")})
        if attrs.get("other_discount_fen", 0) > attrs["order_fen"]:
            raise ValidationError({"other_discount_fen": _("不得大于订单金额")})
        if attrs.get("bank_discount_fen", 0) > attrs.get("other_discount_fen", 0):
            raise ValidationError({"bank_discount_fen": _("不得大于其他优惠合计")})
        if sum(item["amount_fen"] for item in attrs.get("items", ())) > attrs["order_fen"]:
            raise ValidationError({"items": _("合计不得大于订单金额")})
        return attrs


class HoldSerializer(PaymentSerializer):
    """A payment to hold a voucher for."""

    order_no = StrictCharField(max_length=64, pattern=VISIBLE, help_text="商户订单号")
    select = serializers.ChoiceField(
        choices=["best"], required=False, help_text="按 person_id 占用时自动选用最优的券"
    )


class UsableSerializer(serializers.Serializer[Any]):
    """A voucher that can be used, and what it would do."""

    voucher_id = PublicIdField(VOUCHER, allow_null=True, help_text="立减在占用时发放，此前为空")
    batch_id = PublicIdField(BATCH)
    name = serializers.CharField()
    benefit = serializers.CharField(help_text="如：满100元减30元")
    subsidy_fen = serializers.IntegerField()
    payable_fen = serializers.IntegerField()
    valid_until = MomentField(help_text="不含")
    refund_policy = serializers.CharField()
    refund_policy_text = serializers.CharField(help_text="退款规则")


class UnusableSerializer(serializers.Serializer[Any]):
    """A voucher that cannot be used, with every reason and what would mend it."""

    voucher_id = PublicIdField(VOUCHER, allow_null=True)
    batch_id = PublicIdField(BATCH)
    name = serializers.CharField()
    benefit = serializers.CharField()
    face_fen = serializers.IntegerField()
    valid_until = MomentField()
    refusals = RefusalSerializer(many=True)


class QuoteSerializer(serializers.Serializer[Any]):
    """What vouchers would do for a payment; the first usable one is the best."""

    order_fen = serializers.IntegerField()
    other_discount_fen = serializers.IntegerField()
    payable_fen = serializers.IntegerField(help_text="用最优的券后应付；无券可用时为不用券的应付")
    usable = UsableSerializer(many=True)
    unusable = UnusableSerializer(many=True)


def payment_request(data: dict[str, Any], *, client_id: UUID, at: datetime) -> PaymentRequest:
    """Return the command of a checked body."""
    return PaymentRequest(
        client_id=client_id,
        at=at,
        store_no=data["store_no"],
        terminal_no=data["terminal_no"],
        order_fen=data["order_fen"],
        flow=data["flow"],
        other_discount_fen=data.get("other_discount_fen", 0),
        bank_discount_fen=data.get("bank_discount_fen", 0),
        card_bin=data.get("card_bin", ""),
        region_code=data.get("location", {}).get("region_code"),
        payment_code=data.get("payment_code"),
        person_id=data.get("person_id"),
        voucher_ids=tuple(dict.fromkeys(data.get("voucher_ids", ()))),
        items=items_merged(_item(line) for line in data.get("items", ())),
        device=identity_token(pii.DEVICE, data["device"]) if "device" in data else None,
    )


def _item(line: dict[str, Any]) -> Item:
    kind = line.get("kind", OTHER)
    return Item(
        amount_fen=line["amount_fen"],
        sku=line.get("sku", ""),
        category=line.get("category", "" if kind == OTHER else kind),
        quantity=line.get("quantity", 1),
        name=line.get("name", ""),
    )


def quote_document(quote: Quote) -> dict[str, Any]:
    """Return a quote as `QuoteSerializer` shows it, in the caller's language."""
    payment = quote.payment
    before_fen = payment.order_fen - payment.other_discount_fen
    return {
        "order_fen": payment.order_fen,
        "other_discount_fen": payment.other_discount_fen,
        "payable_fen": quote.usable[0].amounts.payable_fen if quote.usable else before_fen,
        "usable": [_usable(candidate) for candidate in quote.usable],
        "unusable": _unusable(quote.unusable),
    }


def _usable(candidate: Candidate) -> dict[str, Any]:
    voucher, taken = candidate.voucher, candidate.amounts
    return {
        "voucher_id": None if candidate.offered else to_public(VOUCHER, voucher.voucher_id),
        "batch_id": to_public(BATCH, voucher.batch_id),
        "name": voucher.batch_name,
        "benefit": benefit_words(voucher.rules, face_fen=voucher.face_fen),
        "subsidy_fen": taken.subsidy_fen,
        "payable_fen": taken.payable_fen,
        "valid_until": moment_text(voucher.valid_until),
        "refund_policy": voucher.rules.refund_policy,
        "refund_policy_text": refund_words(voucher.rules),
    }


def _unusable(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    return [
        {
            "voucher_id": None if one.offered else to_public(VOUCHER, one.voucher.voucher_id),
            "batch_id": to_public(BATCH, one.voucher.batch_id),
            "name": one.voucher.batch_name,
            "benefit": benefit_words(one.voucher.rules, face_fen=one.voucher.face_fen),
            "face_fen": one.voucher.face_fen,
            "valid_until": moment_text(one.voucher.valid_until),
            "refusals": [
                refusal_document(refusal.code, refusal.data, language=language_current())
                for refusal in one.refusals
            ],
        }
        for one in candidates
    ]
