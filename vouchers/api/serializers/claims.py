"""POST /claims and what is read about a claim."""

from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from core.access.regions import region_names
from core.api.fields import MomentField, PublicIdField, StrictCharField, moment_text
from core.api.serializers import QuerySerializer, StrictSerializer
from core.ids import to_public
from vouchers.api.prefixes import BATCH, CLAIM, PERSON, VOUCHER
from vouchers.services.claim_facts import ClaimFact

REQUEST_NO_PATTERN: Final = r"^[A-Za-z0-9_-]{16,64}$"


class LocationSerializer(StrictSerializer):
    """Where the channel located the person."""

    region_code = StrictCharField(
        max_length=6, pattern="[0-9]{6}", help_text="所在地的行政区划代码（GB/T 2260）"
    )

    def validate_region_code(self, value: str) -> str:
        """Refuse what is no division."""
        if not region_names([value]):
            raise ValidationError(_("没有这个行政区划代码"))
        return value


class ClaimSerializer(StrictSerializer):
    """A person's wish for one voucher of a batch."""

    person_id = PublicIdField(PERSON)
    batch_id = PublicIdField(BATCH, often=True)
    device = StrictCharField(max_length=128, required=False, help_text="发起请求的设备标识")
    location = LocationSerializer(required=False)


class ClaimQuery(QuerySerializer):
    """Which claim."""

    request_no = serializers.RegexField(REQUEST_NO_PATTERN, help_text="领取请求的 Idempotency-Key")


class IssuedVoucherSerializer(serializers.Serializer[Any]):
    """A voucher as issued; none of this ever changes."""

    voucher_id = PublicIdField(VOUCHER)
    batch_id = PublicIdField(BATCH, help_text="券包中的券为其所属批次")
    code = serializers.CharField(help_text="券码")
    face_fen = serializers.IntegerField()
    valid_from = MomentField()
    valid_until = MomentField(help_text="不含")


class ClaimAnswerSerializer(serializers.Serializer[Any]):
    """An accepted claim."""

    claim_id = PublicIdField(CLAIM)
    batch_id = PublicIdField(BATCH)
    claimed_at = MomentField()
    vouchers = IssuedVoucherSerializer(many=True)


@lru_cache(maxsize=1_024)
def _batch(batch_id: UUID) -> str:
    """Spell the batch of a wave once."""
    return to_public(BATCH, batch_id)


def claim_document(claim: ClaimFact) -> dict[str, Any]:
    """Return a claim: the same for the first answer, a replay and a later read."""
    return {
        "claim_id": to_public(CLAIM, claim.claim_id),
        "batch_id": _batch(claim.batch_id),
        "claimed_at": moment_text(claim.at),
        "vouchers": [
            {
                "voucher_id": to_public(VOUCHER, voucher.voucher_id),
                "batch_id": _batch(voucher.batch_id),
                "code": voucher.code,
                "face_fen": voucher.face_fen,
                "valid_from": moment_text(voucher.valid_from),
                "valid_until": moment_text(voucher.valid_until),
            }
            for voucher in claim.vouchers
        ],
    }
