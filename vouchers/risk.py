"""What speaks against a person before he claims: the control list, and people per device.

The claim function decides by the same rows (vouchers_claim_checks.sql); this only tells
beforehand.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection

from core.access.region_codes import subtree_contains
from core.errors import Refusal
from vouchers.models import Batch, ControlEntry
from vouchers.models.persons import KeyKind
from vouchers.rules.model import BatchRules
from vouchers.selectors import KeyRef
from vouchers.states import ControlState

_PERSONS = """
    SELECT asked.batch_id, max(seen.persons)
      FROM unnest(%s::uuid[], %s::uuid[], %s::integer[]) AS asked(batch_id, campaign_id, days)
     CROSS JOIN unnest(%s::bigint[]) AS device(id)
     CROSS JOIN LATERAL (
        SELECT count(DISTINCT u.person) AS persons FROM vouchers_deviceuse u
         WHERE u.device_id = device.id AND u.campaign_id = asked.campaign_id
           AND u.at > %s - make_interval(hours => 24 * asked.days) AND u.person <> %s) seen
     GROUP BY 1
"""


def risk_refusals(
    batches: Sequence[Batch],
    rules: Mapping[UUID, BatchRules],
    *,
    enrolment_id: UUID,
    keys: Sequence[KeyRef],
    now: datetime,
) -> dict[UUID, list[Refusal]]:
    """Return what the list and the devices of a person's account say against each batch.

    One query, and one more where a batch counts people per device.
    """
    found: dict[UUID, list[Refusal]] = defaultdict(list)
    regions = list(
        ControlEntry.objects.filter(
            state=ControlState.IN_FORCE,
            key_id__in=[key.key_id for key in keys],
            valid_from__lte=now,
            valid_until__gt=now,
        ).values_list("owner_region", flat=True)
    )
    for batch in batches:
        if any(subtree_contains(region, batch.owner_region) for region in regions):
            found[batch.pk].append(Refusal("claim.risk_refused"))
    counting = [batch for batch in batches if rules[batch.pk].device]
    devices = [key.key_id for key in keys if key.kind == KeyKind.DEVICE]
    documents = [str(key.key_id) for key in keys if key.kind == KeyKind.DOCUMENT]
    person = documents[0] if documents else str(enrolment_id)
    for batch_id, persons in _persons(counting, rules, devices, person, now).items():
        rule = rules[batch_id].device
        if rule and persons >= rule.persons:
            data = {"limit": rule.persons, "persons": persons, "days": rule.days}
            found[batch_id].append(Refusal("claim.device_limit", data))
    return found


def _persons(
    batches: Sequence[Batch],
    rules: Mapping[UUID, BatchRules],
    devices: Collection[int],
    person: str,
    now: datetime,
) -> dict[UUID, int]:
    """Return how many others have claimed on the fullest device."""
    if not batches or not devices:
        return {}
    days = [rule.days for batch in batches if (rule := rules[batch.pk].device)]
    ids = [batch.pk for batch in batches]
    campaigns = [batch.campaign_id for batch in batches]
    with connection.cursor() as cursor:
        cursor.execute(_PERSONS, [ids, campaigns, days, list(devices), now, person])
        return dict(cursor.fetchall())
