"""Find or make the stable keys behind identity tokens (architecture.md, Persons and limits)."""

from collections.abc import Iterable

from django.db import connection

from core.transactions import retry_conflicts, transaction_joined
from vouchers.identity import IdentityToken
from vouchers.selectors import identity_keys_find

# The hash is inserted before its key (the foreign key is checked at commit): the unique index on
# the hash decides a race, and the loser leaves no key behind. Sorted, so that two groups that
# share numbers wait for each other in one order.
_MAKE = """
    WITH wanted AS MATERIALIZED (
        SELECT t.*, nextval(pg_get_serial_sequence('vouchers_identitykey', 'id')) AS key_id
          FROM unnest(%s::text[], %s::smallint[], %s::text[], %s::text[])
               AS t(kind, version, digest, masked)
    ), won AS (
        INSERT INTO vouchers_identityhash (key_id, kind, pepper_version, key_hash)
        SELECT key_id, kind, version, digest FROM wanted ORDER BY kind, version, digest
        ON CONFLICT DO NOTHING
        RETURNING key_id
    )
    INSERT INTO vouchers_identitykey (id, kind, masked)
    SELECT w.key_id, w.kind, w.masked FROM wanted w JOIN won USING (key_id)
"""
_RENEW = """
    INSERT INTO vouchers_identityhash (key_id, kind, pepper_version, key_hash)
    SELECT t.key_id, t.kind, t.version, t.digest
      FROM unnest(%s::bigint[], %s::text[], %s::smallint[], %s::text[])
           AS t(key_id, kind, version, digest)
     ORDER BY t.kind, t.version, t.digest
    ON CONFLICT DO NOTHING
"""


@retry_conflicts
def identity_keys_ensure(*, tokens: Iterable[IdentityToken]) -> dict[IdentityToken, int]:
    """Return the key id of every token, making keys for numbers never seen before.

    A number known under an older pepper keeps its key and gains a hash under the newest. The same
    new number arriving in two transactions at once gets one key: the second waits for the first.
    Takes part in the caller's transaction; a constant number of statements.
    """
    wanted = set(tokens)
    if not wanted:
        return {}
    with transaction_joined():
        found = identity_keys_find(wanted)
        missing = [token for token in wanted if token not in found]
        if missing:
            _make(missing)
            # A later statement also sees what the winner of a race has committed meanwhile.
            found |= identity_keys_find(missing)
        _renew({token: key.key_id for token, key in found.items() if not key.is_newest})
    return {token: key.key_id for token, key in found.items()}


def _make(tokens: list[IdentityToken]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _MAKE,
            [
                [token.kind for token in tokens],
                [token.newest.version for token in tokens],
                [token.newest.digest for token in tokens],
                [token.masked for token in tokens],
            ],
        )


def _renew(keys: dict[IdentityToken, int]) -> None:
    if not keys:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _RENEW,
            [
                list(keys.values()),
                [token.kind for token in keys],
                [token.newest.version for token in keys],
                [token.newest.digest for token in keys],
            ],
        )
