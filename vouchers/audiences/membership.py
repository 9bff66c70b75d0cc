"""Who is a member of an audience: asked once for any number of people, only where it matters."""

from collections.abc import Hashable, Iterable
from datetime import datetime
from typing import NamedTuple, TypeVar

from django.db import connection

Place = TypeVar("Place", bound=Hashable)
KEY_KINDS = frozenset({"DOCUMENT", "MOBILE"})
"""The kinds of key that lists are made of."""
_MEMBERS = (
    "SELECT * FROM vouchers_audience_members(%s::integer[], %s::text[], %s::timestamptz[],"
    " %s::bigint[])"
)


class Asked(NamedTuple):
    """Whether one of ``key_ids`` is on the list of audience ``code`` that was in force ``at``."""

    code: str
    at: datetime
    key_ids: Iterable[int]


def members_among(asked: dict[Place, Asked]) -> set[Place]:
    """Return who of those asked for is a member; one statement, or none if nobody is asked for.

    An audience that is not registered, or has no list in force, has no members.
    """
    places = list(asked)
    rows = [
        (number, one.code, one.at, key_id)
        for number, one in enumerate(asked.values())
        for key_id in one.key_ids
    ]
    if not rows:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERS, [list(column) for column in zip(*rows, strict=True)])
        return {places[number] for (number,) in cursor.fetchall()}
