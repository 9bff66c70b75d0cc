"""Give people back what vouchers that expired unused had counted, where a limit says so."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from core.transactions import transaction_required
from vouchers.models import Batch, Limit
from vouchers.rules.limits import row_code, window_start
from vouchers.rules.model import BatchRules, rules_frozen

_VERSIONS = """
    SELECT id, rules::text FROM vouchers_batchversion
     WHERE batch_id = %s AND rules -> 'limits' @> '[{"gives_back": true}]'
"""
# The keys that a claim carried: those of its account then, and the device of the request.
_COUNTED = """
    SELECT v.batch_version_id, c.at, k.key_id, k.kind, count(*)
      FROM vouchers_voucher v
      JOIN vouchers_claim c ON c.id = v.claim_id
     CROSS JOIN LATERAL (
        SELECT e.key_id, e.kind FROM vouchers_enrolmentkey e
         WHERE e.enrolment_id = c.enrolment_id AND e.valid_from <= c.at
           AND (e.valid_until IS NULL OR c.at < e.valid_until)
         UNION SELECT c.device_id, 'DEVICE' WHERE c.device_id IS NOT NULL) k
     WHERE v.id = ANY(%s::uuid[]) AND v.batch_version_id = ANY(%s)
     GROUP BY 1, 2, 3, 4
"""
_GIVE = """
    WITH given AS (
        SELECT * FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[], %s::integer[])
               AS g(limit_id, window_start, key_id, units)),
    locked AS (
        SELECT u.limit_id, u.window_start, u.key_id, g.units
          FROM vouchers_limituse u JOIN given g USING (limit_id, window_start, key_id)
         ORDER BY u.limit_id, u.window_start, u.key_id FOR UPDATE OF u)
    UPDATE vouchers_limituse u SET used = greatest(u.used - l.units, 0) FROM locked l
     WHERE (u.limit_id, u.window_start, u.key_id) = (l.limit_id, l.window_start, l.key_id)
"""


class _Row(NamedTuple):
    """A row of `LimitUse`."""

    limit_id: int
    window_start: datetime
    key_id: int


def limits_give_back(*, batch: Batch, voucher_ids: str) -> None:
    """Take expired vouchers (an array of ids, as text) off the limits that give back.

    In the transaction that expires them, under the batch's lock; one statement where no version
    of the batch has such a limit. Each voucher follows the version it was issued under. Nobody
    waits for a voucher while he holds a row of a claim's limit, so that these rows may come after
    the vouchers.
    """
    transaction_required()
    with connection.cursor() as cursor:
        cursor.execute(_VERSIONS, [batch.pk])
        versions = {pk: rules_frozen(rules) for pk, rules in cursor.fetchall()}
        if not versions:
            return
        cursor.execute(_COUNTED, [voucher_ids, list(versions)])
        given = _given(batch, versions, cursor.fetchall())
        columns = [list(column) for column in zip(*given, strict=True)] or [[], [], []]
        cursor.execute(_GIVE, [*columns, list(given.values())])


def _given(
    batch: Batch,
    versions: dict[int, BatchRules],
    counted: Iterable[tuple[int, datetime, int, str, int]],
) -> Counter[_Row]:
    """Return how many units each row gets back."""
    limits = dict(Limit.objects.filter(campaign=batch.campaign_id).values_list("code", "pk"))
    given: Counter[_Row] = Counter()
    for version_id, at, key_id, kind, units in counted:
        rules = versions[version_id]
        for rule in rules.limits:
            if rule.gives_back and kind in rule.keys:
                limit_id = limits[row_code(batch.code, rules.group, rule)]
                given[_Row(limit_id, window_start(rule.window, at), key_id)] += units
    return given
