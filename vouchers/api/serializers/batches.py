"""GET /batches: what can be claimed now and next."""

from typing import Any

from rest_framework import serializers

from campaigns.api.serializers import CAMPAIGN_PREFIX, REGION_PATTERN
from core.api.fields import MomentField, PublicIdField
from core.api.serializers import QuerySerializer, RefusalSerializer
from core.errors.handler import language_current
from core.errors.problem import refusal_document
from vouchers.api.prefixes import BATCH, PERSON
from vouchers.models import Batch
from vouchers.offers import Offer, OfferState, Remaining
from vouchers.rules.names import ScopeNames
from vouchers.rules.words import benefit_words, rules_words


class BatchQuery(QuerySerializer):
    """Which batches, and for whom."""

    campaign = PublicIdField(CAMPAIGN_PREFIX, required=False, help_text="活动编号")
    region = serializers.RegexField(
        REGION_PATTERN, required=False, help_text="行政区划代码，只列适用该地区的券"
    )
    person_id = PublicIdField(
        PERSON, required=False, help_text="本渠道用户编号，给出时说明其不能领取的全部原因"
    )


class OfferSerializer(serializers.Serializer[Any]):
    """A batch as it stands for this channel and person."""

    batch_id = PublicIdField(BATCH)
    campaign_id = PublicIdField(CAMPAIGN_PREFIX)
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=Batch.Kind.choices)
    kind_text = serializers.CharField()
    face_fen = serializers.IntegerField()
    threshold_fen = serializers.IntegerField()
    benefit = serializers.CharField(help_text="如：满100元减30元")
    rules = serializers.ListField(child=serializers.CharField(), help_text="规则，每条一句")
    state = serializers.ChoiceField(choices=OfferState.choices)
    state_text = serializers.CharField()
    remaining = serializers.ChoiceField(choices=Remaining.choices)
    remaining_text = serializers.CharField(help_text="充足/紧张/少量/已领完")
    next_release_at = MomentField(
        allow_null=True, help_text="下一轮投放或其他渠道额度回流的时间，取较早者"
    )
    claimable = serializers.BooleanField(
        allow_null=True, help_text="该用户现在能否领取；未给出用户时为 null"
    )
    refusals = RefusalSerializer(
        many=True, allow_null=True, help_text="不能领取的全部原因；未给出用户时为 null"
    )


class OfferPageSerializer(serializers.Serializer[Any]):
    """A page of batches."""

    items = OfferSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


def offer_document(offer: Offer, names: ScopeNames) -> dict[str, Any]:
    """Return an offer as `OfferSerializer` shows it, in the caller's language."""
    batch, rules = offer.batch, offer.rules
    return {
        "batch_id": batch.pk,
        "campaign_id": batch.campaign_id,
        "name": batch.name,
        "kind": batch.kind,
        "kind_text": batch.get_kind_display(),
        "face_fen": batch.face_fen,
        "threshold_fen": rules.benefit.threshold_fen,
        "benefit": benefit_words(rules, face_fen=batch.face_fen),
        "rules": rules_words(rules, face_fen=batch.face_fen, names=names),
        "state": offer.state,
        "state_text": offer.state.label,
        "remaining": offer.remaining,
        "remaining_text": offer.remaining.label,
        "next_release_at": offer.next_release_at,
        "claimable": None if offer.refusals is None else not offer.refusals,
        "refusals": None
        if offer.refusals is None
        else [
            refusal_document(refusal.code, refusal.data, language=language_current())
            for refusal in offer.refusals
        ],
    }
