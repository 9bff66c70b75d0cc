"""FC2 一机多号: many people claim on one device."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from core.clock import TIME_ZONE
from core.screening.rules import Evaluation, Family, Finding, Rule, RuleContext, SubjectType

LIST_LENGTH = 50
# The facts that the batch rule `device` refuses by, which blocks at the claim.
_FACTS = """
    SELECT u.device_id AS device, i.masked, u.claim_id AS claim, u.at, u.owner_region, u.person,
        EXISTS (SELECT FROM vouchers_enrolmentkey m WHERE m.enrolment_id = u.enrolment_id
            AND m.kind = 'MOBILE' AND m.valid_from <= u.at
            AND (m.valid_until IS NULL OR m.valid_until > u.at)
            AND EXISTS (SELECT FROM vouchers_enrolmentkey o WHERE o.key_id = m.key_id
                AND o.enrolment_id <> m.enrolment_id)) AS shares_mobile
    FROM vouchers_deviceuse u
    JOIN vouchers_identitykey i ON i.id = u.device_id
    WHERE u.campaign_id = %(campaign)s AND u.at >= %(start)s AND u.at < %(until)s
    ORDER BY u.device_id, u.at, u.claim_id
"""


class DeviceRule(Rule):
    """``review`` or more people claimed on one device within seven days; from ``block`` on the
    case says so.

    A family on one phone stays below, or is reviewed; identity alone freezes nothing. Networks
    (a campus, a shop's Wi-Fi) are no devices and are not counted.
    """

    id = "FC2"
    name = _("一机多号")
    version = 1
    family = Family.IDENTITY
    subject_type = SubjectType.DEVICE
    defaults = {"review": 4, "block": 8}
    window = timedelta(days=7)

    def evaluate(self, context: RuleContext) -> Evaluation:
        """Count people per device over the window; there is always enough data."""
        devices: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in _rows(context):
            devices[row["device"]].append(row)
        people = {key: len({row["person"] for row in rows}) for key, rows in devices.items()}
        return Evaluation(
            tuple(
                _finding(device, rows, people, context)
                for device, rows in devices.items()
                if people[device] >= context.parameters["review"]
            )
        )


def _rows(context: RuleContext) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            _FACTS,
            {
                "campaign": context.campaign_id,
                "start": context.window.start,
                "until": context.window.until,
            },
        )
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _finding(
    device: int, rows: list[dict[str, Any]], people: dict[int, int], context: RuleContext
) -> Finding:
    count = people[device]
    others = sorted(value for key, value in people.items() if key != device)
    return Finding(
        subject_id=str(device),
        subject_label=rows[0]["masked"],
        owner_region=rows[0]["owner_region"],
        fact_ids=tuple(str(row["claim"]) for row in rows),
        evidence={
            "persons": count,
            "claims": len(rows),
            "level": "BLOCK" if count >= context.parameters["block"] else "REVIEW",
            "peers_persons": {
                "n": len(others),
                "median": others[len(others) // 2] if others else 0,
                "greatest": others[-1] if others else 0,
            },
            "list": [
                {"claim": str(row["claim"]), "at": row["at"].astimezone(TIME_ZONE).isoformat()}
                for row in rows[:LIST_LENGTH]
            ],
            "against": {
                "small_enough_for_a_family": count < context.parameters["block"],
                "accounts_sharing_a_mobile": sum(row["shares_mobile"] for row in rows),
            },
        },
    )
