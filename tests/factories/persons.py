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
    client = client or client_make()
    (made,) = enrolments_make(
        client, 1, kinds=kinds, shared=shared, level=level, region=region, now=now
    )
    return made


def enrolments_make(
    client: Client,
    count: int,
    *,
    kinds: Sequence[str] = KINDS,
    shared: Sequence[IdentityKey] = (),
    level: str = Enrolment.Level.REALNAME,
    region: str = PROVINCE,
    now: datetime = STARTS_AT,
) -> list[Enrolment]:
    """Return a crowd's accounts, made in three statements; each has keys as by enrolment_make."""
    crowd = Enrolment.objects.bulk_create(
        Enrolment(
            client=client,
            external_id=f"user-{next(_serial):04d}",
            level=level,
            owner_region=region,
            created_at=now,
            updated_at=now,
        )
        for _ in range(count)
    )
    have = {key.kind: key for key in shared}
    keys = {
        (person.pk, kind): have.get(kind)
        or IdentityKey(kind=kind, masked=f"*{person.external_id[-4:]}")
        for person in crowd
        for kind in kinds
    }
    IdentityKey.objects.bulk_create(key for key in keys.values() if key not in shared)
    EnrolmentKey.objects.bulk_create(
        EnrolmentKey(enrolment_id=person, key=key, kind=kind, valid_from=now)
        for (person, kind), key in keys.items()
    )
    return crowd


def key_of(enrolment: Enrolment, kind: str) -> IdentityKey:
    """Return the current key of one kind of an account."""
    return EnrolmentKey.objects.get(enrolment=enrolment, kind=kind, valid_until__isnull=True).key
