"""Reads of the vouchers room that other modules and rooms use."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from vouchers.identity import IdentityToken
from vouchers.models import EnrolmentKey

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
