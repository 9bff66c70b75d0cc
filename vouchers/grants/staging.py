"""A list in a temporary table: who is meant, what is wrong, the chunks; one statement each.

The number of statements does not grow with the rows, and memory stays constant.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from core.transactions import transaction_required
from vouchers.grants.limits import CHUNK_ROWS
from vouchers.grants.reading import ListRow
from vouchers.models import Grant

_CREATE = """
    DROP TABLE IF EXISTS grant_row, grant_found;
    CREATE TEMP TABLE grant_row (line int, external_id text, person_id uuid, fault text)
        ON COMMIT DROP
"""
_COPY = "COPY grant_row FROM STDIN"
_FIND = """
    CREATE TEMP TABLE grant_found ON COMMIT DROP AS
    SELECT line, person_id, coalesce(fault, CASE WHEN first < line THEN 'DUPLICATE' END) AS fault,
           first
      FROM (SELECT known.*, CASE WHEN fault IS NULL
                                 THEN min(line) OVER (PARTITION BY person_id, fault) END AS first
              FROM (SELECT r.line, coalesce(p.id, x.id) AS person_id,
                           CASE WHEN r.fault IS NOT NULL THEN r.fault
                                WHEN p.client_id <> %(client)s THEN 'OTHER_CHANNEL'
                                WHEN p.id IS NULL AND x.id IS NULL THEN 'UNKNOWN' END AS fault
                      FROM grant_row r
                      LEFT JOIN vouchers_enrolment p ON p.id = r.person_id
                      LEFT JOIN vouchers_enrolment x
                        ON x.client_id = %(client)s AND x.external_id = r.external_id) known
           ) first_seen
"""
_CHUNKS = """
    INSERT INTO vouchers_grantchunk (grant_id, number, size, lines, people, granted, refused)
    SELECT %(grant)s, place / %(size)s + 1, count(*), array_agg(line ORDER BY line),
           array_agg(person_id ORDER BY line), 0, '{}'
      FROM (SELECT line, person_id, row_number() OVER (ORDER BY line) - 1 AS place
              FROM grant_found WHERE fault IS NULL) good
     GROUP BY place / %(size)s ORDER BY place / %(size)s
"""
_COUNTS = "SELECT count(*), count(*) FILTER (WHERE fault IS NULL) FROM grant_found"
_DIGEST = """
    SELECT coalesce(encode(sha256(string_agg(sha256(array_send(people)), ''::bytea
                                             ORDER BY number)), 'hex'), '')
      FROM vouchers_grantchunk WHERE grant_id = %s
"""


@dataclass(frozen=True, slots=True)
class Staged:
    """What a list holds: its rows, those that name somebody who can be granted."""

    rows: int
    people: int


def list_stage(*, grant: Grant, rows: Iterable[ListRow]) -> Staged:
    """Find the people of a list and write the grant's chunks, in the caller's transaction.

    Faulty rows stay in the temporary table ``grant_found`` until it ends (`faults_write`). Of a
    person named twice the first row counts.
    """
    transaction_required()
    with connection.cursor() as cursor:
        cursor.execute(_CREATE)
        with cursor.copy(_COPY) as copy:
            for row in rows:
                copy.write_row((row.line, row.external_id, row.person_id, row.fault))
        cursor.execute("ANALYZE grant_row")
        cursor.execute(_FIND, {"client": grant.client_id})
        cursor.execute(_CHUNKS, {"grant": grant.pk, "size": CHUNK_ROWS})
        cursor.execute(_COUNTS)
        return Staged(*cursor.fetchone())


def people_digest(grant_id: UUID) -> str:
    """Return the SHA-256 over the people of a grant in the order of the list; "" if it has none."""
    with connection.cursor() as cursor:
        cursor.execute(_DIGEST, [grant_id])
        digest: str = cursor.fetchone()[0]
    return digest
