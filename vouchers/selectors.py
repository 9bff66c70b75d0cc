"""Reads of the vouchers room that other modules and rooms use."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from vouchers.identity import IdentityToken
from vouchers.models import AudienceSnapshot, Claim, EnrolmentKey, Voucher
from vouchers.states import SnapshotState, VoucherState

LimitKey = tuple[int, datetime, int]
"""Of a row of ``LimitUse``: limit, start of its window, identity key."""
LAPSING: Final = (VoucherState.ACTIVE, VoucherState.FROZEN)
"""States that end with ``valid_until``; a hold is honoured across the boundary."""

_USED = "SELECT * FROM vouchers_limits_used(%s::bigint[], %s::timestamptz[], %s::bigint[])"
# Live versions come newest first; a number known under several is one key.
_FIND = """
    SELECT t.position, h.key_id, t.is_newest
      FROM unnest(%s::integer[], %s::text[], %s::smallint[], %s::text[], %s::boolean[])
           AS t(position, kind, version, digest, is_newest)
      JOIN vouchers_identityhash h
        ON h.kind = t.kind AND h.pepper_version = t.version AND h.key_hash = t.digest
     ORDER BY t.position, t.version
"""


@dataclass(frozen=True, slots=True)
class KeyRef:
    """An identity key as limits count it: its stable id, its kind, what may be shown of it."""

    key_id: int
    kind: str
    masked: str


@dataclass(frozen=True, slots=True)
class FoundKey:
    """The key a token stands for, and whether it is already hashed under the newest pepper."""

    key_id: int
    is_newest: bool


def identity_keys_of(
    enrolment_ids: Iterable[UUID], kinds: Collection[str]
) -> dict[UUID, list[KeyRef]]:
    """Return the current keys of ``kinds`` of each enrolment, by id of the key; one query.

    Every enrolment asked for is in the answer, with an empty list if it carries none. An account
    may carry several devices or cards, but one document and one mobile (domain-rules §5).
    """
    found: dict[UUID, list[KeyRef]] = {enrolment_id: [] for enrolment_id in enrolment_ids}
    rows = (
        EnrolmentKey.objects.filter(
            enrolment_id__in=list(found), kind__in=list(kinds), valid_until__isnull=True
        )
        .order_by("enrolment_id", "key_id")
        .values_list("enrolment_id", "key_id", "kind", "key__masked")
    )
    for enrolment_id, key_id, kind, masked in rows:
        found[enrolment_id].append(KeyRef(key_id, kind, masked))
    return found


def identity_keys_find(tokens: Iterable[IdentityToken]) -> dict[IdentityToken, FoundKey]:
    """Return the keys of those tokens that are known under any live pepper; one query."""
    wanted = list(tokens)
    if not wanted:
        return {}
    rows = [
        (position, token.kind, hashed.version, hashed.digest, hashed == token.newest)
        for position, token in enumerate(wanted)
        for hashed in token.hashes
    ]
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [list(column) for column in zip(*rows, strict=True)])
        # The newest version comes last and wins.
        return {
            wanted[position]: FoundKey(key_id, is_newest)
            for position, key_id, is_newest in cursor.fetchall()
        }


def voucher_state(voucher: Voucher, *, now: datetime) -> str:
    """Return the state to show: ``valid_until`` decides, the stored state follows by a sweep."""
    lapsed = voucher.state in LAPSING and voucher.valid_until <= now
    return VoucherState.EXPIRED if lapsed else voucher.state


def wallet(person_id: UUID, *, state: str | None, now: datetime) -> QuerySet[Voucher]:
    """Return the vouchers of an account, newest first, as `voucher_state` shows them."""
    vouchers = Voucher.objects.filter(enrolment_id=person_id).order_by("-issued_at", "pk")
    lapsed = Q(state__in=LAPSING, valid_until__lte=now)
    if state is None:
        return vouchers
    if state == VoucherState.EXPIRED:
        return vouchers.filter(Q(state=VoucherState.EXPIRED) | lapsed)
    return vouchers.filter(state=state).exclude(lapsed)


def claim_id_of(
    client_id: UUID, *, request_no: str | None = None, claim_id: UUID | None = None
) -> UUID | None:
    """Return the id of a client's own claim, by its idempotency key or its id; else None."""
    named = {"pk": claim_id} if claim_id else {"idempotency_key": request_no}
    return Claim.objects.filter(client=client_id, **named).values_list("pk", flat=True).first()


def audience_list(audience_id: UUID) -> AudienceSnapshot | None:
    """Return the newest approved list of an audience, in force or within a minute; else None."""
    approved = AudienceSnapshot.objects.filter(audience=audience_id, state=SnapshotState.APPROVED)
    return approved.order_by("-number").first()


def limits_used(keys: Collection[LimitKey]) -> dict[LimitKey, int]:
    """Return what these rows of limits have used; those that are not there are left out."""
    if not keys:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_USED, [list(part) for part in zip(*keys, strict=True)])
        rows = cursor.fetchall()
    return {(limit_id, start, key_id): used for limit_id, start, key_id, used in rows}
