"""People with accounts in channels."""

import itertools
from collections.abc import Sequence
from datetime import datetime

from core.access.models import Client
from tests.factories.campaigns import STARTS_AT
from tests.factories.merchants import PROVINCE, client_make
from vouchers.models import Enrolment, EnrolmentKey, IdentityKey

KINDS = ("DOCUMENT", "MOBILE", "DEVICE")
_serial = itertools.count(1)


def enrolment_make(
    client: Client | None = None,
    *,
    kinds: Sequence[str] = KINDS,
    shared: Sequence[IdentityKey] = (),
    level: str = Enrolment.Level.REALNAME,
    region: str = PROVINCE,
    now: datetime = STARTS_AT,
) -> Enrolment:
    """Return an account with a new key of each kind, except those of ``shared`` keys."""
    number = next(_serial)
    enrolment = Enrolment.objects.create(
        client=client or client_make(),
        external_id=f"user-{number}",
        level=level,
        owner_region=region,
        created_at=now,
        updated_at=now,
    )
    have = {key.kind: key for key in shared}
    for kind in kinds:
        key = have.get(kind) or IdentityKey.objects.create(kind=kind, masked=f"*{number:04d}")
        EnrolmentKey.objects.create(enrolment=enrolment, key=key, kind=kind, valid_from=now)
    return enrolment


def key_of(enrolment: Enrolment, kind: str) -> IdentityKey:
    """Return the current key of one kind of an account."""
    return EnrolmentKey.objects.get(enrolment=enrolment, kind=kind, valid_until__isnull=True).key
