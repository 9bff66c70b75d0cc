"""Accepted claims as they were written: what first answers, replays and reads are made of."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from vouchers.models import Claim, Voucher


class IssuedVoucher(NamedTuple):
    """A voucher as it was issued: facts that never change."""

    voucher_id: UUID
    batch_id: UUID
    code: str
    number: int
    face_fen: int
    valid_from: datetime
    valid_until: datetime


class ClaimFact(NamedTuple):
    """An accepted claim, the same on the first answer and on every replay."""

    claim_id: UUID
    batch_id: UUID
    at: datetime
    vouchers: tuple[IssuedVoucher, ...]


def claim_facts(claim_ids: Sequence[UUID]) -> dict[UUID, ClaimFact]:
    """Rebuild claims from their rows (two queries): what replays and reads are made of."""
    if not claim_ids:
        return {}
    vouchers: dict[UUID, list[IssuedVoucher]] = defaultdict(list)
    rows = Voucher.objects.filter(claim_id__in=claim_ids)
    for voucher in rows.order_by("pk"):
        vouchers[voucher.claim_id].append(
            IssuedVoucher(
                voucher.pk,
                voucher.batch_id,
                voucher.code,
                voucher.number,
                voucher.face_fen,
                voucher.valid_from,
                voucher.valid_until,
            )
        )
    return {
        claim.pk: ClaimFact(claim.pk, claim.batch_id, claim.at, tuple(vouchers[claim.pk]))
        for claim in Claim.objects.filter(pk__in=claim_ids)
    }
