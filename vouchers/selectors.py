"""Reads of the vouchers room that other modules and rooms use."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from vouchers.models import EnrolmentKey


@dataclass(frozen=True, slots=True)
class KeyRef:
    """An identity key as limits count it: its stable id, its kind, what may be shown of it."""

    key_id: int
    kind: str
    masked: str


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
