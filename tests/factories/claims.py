"""Claim commands, and vouchers issued by the real service."""

import hashlib
import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tests.factories.campaigns import OPENED_AT
from tests.factories.persons import enrolment_make
from vouchers.models import Batch, Enrolment, Voucher
from vouchers.services.claim_commands import ClaimCommand
from vouchers.services.claims import vouchers_claim

_serial = itertools.count(1)


def claim_command(
    batch: Batch, enrolment: Enrolment, *, at: datetime = OPENED_AT, key: str = "", **more: Any
) -> ClaimCommand:
    """Return a command with a key of its own unless one is given."""
    key = key or f"claim-key-{next(_serial):08d}"
    return ClaimCommand(
        client_id=enrolment.client_id,
        idempotency_key=key,
        fingerprint=hashlib.sha256(f"{batch.pk}{enrolment.pk}".encode()).hexdigest(),
        enrolment_id=enrolment.pk,
        batch_id=batch.pk,
        at=at,
        **{"client_region": None, **more},
    )


def vouchers_issued(
    batch: Batch, count: int = 1, *, at: datetime = OPENED_AT, enrolments: Sequence[Enrolment] = ()
) -> list[Voucher]:
    """Issue ``count`` vouchers through the claim service, to new people unless given."""
    people = list(enrolments)
    client = people[0].client if people else None
    while len(people) < count:
        people.append(enrolment_make(client))
        client = people[0].client
    outcomes = vouchers_claim(
        commands=[claim_command(batch, person, at=at) for person in people[:count]]
    )
    refused = [outcome.refusals for outcome in outcomes if outcome.claim is None]
    assert not refused, refused
    ids = [outcome.claim.vouchers[0].voucher_id for outcome in outcomes if outcome.claim]
    found = Voucher.objects.in_bulk(ids)
    return [found[one] for one in ids]
