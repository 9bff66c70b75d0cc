"""GET /vouchers: the wallet, and the history of one voucher."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from campaigns.api.serializers import CAMPAIGN_PREFIX
from core.api.fields import MomentField, PublicIdField
from core.api.serializers import QuerySerializer
from vouchers.api.prefixes import BATCH, CLAIM, PERSON, VOUCHER
from vouchers.history import VoucherEvent
from vouchers.models import Batch, Voucher
from vouchers.naming import scope_names
from vouchers.rules.model import benefit_kind, rules_read
from vouchers.rules.words import benefit_words, rules_words
from vouchers.selectors import voucher_state
from vouchers.states import VoucherState


class VoucherQuery(QuerySerializer):
    """Whose vouchers, in which state."""

    person_id = PublicIdField(PERSON)
    state = serializers.ChoiceField(choices=VoucherState.choices, required=False)


class VoucherSerializer(serializers.Serializer[Any]):
    """A voucher in the wallet."""

    voucher_id = PublicIdField(VOUCHER)
    code = serializers.CharField(help_text="券码")
    claim_id = PublicIdField(CLAIM)
    batch_id = PublicIdField(BATCH)
    campaign_id = PublicIdField(CAMPAIGN_PREFIX)
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=Batch.Kind.choices)
    face_fen = serializers.IntegerField()
    threshold_fen = serializers.IntegerField()
    benefit = serializers.CharField()
    state = serializers.ChoiceField(choices=VoucherState.choices, help_text="以失效时间为准")
    state_text = serializers.CharField()
    issued_at = MomentField()
    valid_from = MomentField()
    valid_until = MomentField(help_text="不含")


class VoucherPageSerializer(serializers.Serializer[Any]):
    """A page of vouchers."""

    items = VoucherSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class VoucherEventSerializer(serializers.Serializer[Any]):
    """Something that happened to a voucher."""

    kind = serializers.CharField()
    text = serializers.CharField()
    at = MomentField()
    amount_fen = serializers.IntegerField(allow_null=True)
    reference = serializers.CharField(help_text="对应单据的编号，没有则为空")
    place = serializers.CharField(help_text="门店名称，没有则为空")


class VoucherDetailSerializer(VoucherSerializer):
    """A voucher with its rules and history."""

    rules = serializers.ListField(child=serializers.CharField())
    history = VoucherEventSerializer(many=True)


def voucher_document(voucher: Voucher, *, now: datetime) -> dict[str, Any]:
    """Return a voucher as `VoucherSerializer` shows it; needs batch and batch_version."""
    rules = rules_read(voucher.batch_version.rules)
    state = VoucherState(voucher_state(voucher, now=now))
    return {
        "voucher_id": voucher.pk,
        "code": voucher.code,
        "claim_id": voucher.claim_id,
        "batch_id": voucher.batch_id,
        "campaign_id": voucher.campaign_id,
        "name": voucher.batch.name,
        "kind": benefit_kind(rules),
        "face_fen": voucher.face_fen,
        "threshold_fen": rules.benefit.threshold_fen,
        "benefit": benefit_words(rules, face_fen=voucher.face_fen),
        "state": state,
        "state_text": state.label,
        "issued_at": voucher.issued_at,
        "valid_from": voucher.valid_from,
        "valid_until": voucher.valid_until,
    }


def voucher_detail_document(
    voucher: Voucher, history: list[VoucherEvent], *, now: datetime
) -> dict[str, Any]:
    """Return a voucher with the rules frozen for it and its history."""
    rules = rules_read(voucher.batch_version.rules)
    return {
        **voucher_document(voucher, now=now),
        "rules": rules_words(rules, face_fen=voucher.face_fen, names=scope_names([rules])),
        "history": history,
    }
