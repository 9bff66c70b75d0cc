"""FM10 员工自刷: people or devices that belong to the merchant use vouchers in its own stores."""

from collections import Counter, defaultdict
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.clock import TIME_ZONE
from core.screening.rules import Evaluation, Family, Finding, Rule, RuleContext, SubjectType
from redemption.screening.reading import basis_points, listed, rows

# A person by the document he had then; an account without one counts by itself.
_PERSON = """coalesce((SELECT d.key_id::text FROM vouchers_enrolmentkey d
                   WHERE d.enrolment_id = r.enrolment_id AND d.kind = 'DOCUMENT'
                     AND d.valid_from <= r.held_at
                     AND (d.valid_until IS NULL OR d.valid_until > r.held_at)
                   ORDER BY d.id LIMIT 1), r.enrolment_id::text)"""

_FACTS = f"""
    WITH insiders AS (
        SELECT DISTINCT m.merchant_id, m.store_id, m.position, m.masked, h.key_id, m.valid_until
        FROM merchants_merchantstaff m
        JOIN vouchers_identityhash h ON h.kind = m.key_kind AND h.key_hash = m.key_hash
            AND h.pepper_version = m.pepper_version),
    top AS (
        SELECT max(face_fen) AS face_fen, min(face_fen) AS least_fen
        FROM vouchers_batch WHERE campaign_id = %(campaign)s AND kind <> 'PACK')
    SELECT DISTINCT ON (r.store_id, r.held_at, r.id)
        r.store_id, s.name AS store, s.owner_region, s.region_code, r.id AS redemption,
        r.held_at AS at, r.subsidy_fen, r.payable_fen, i.position, i.masked, {_PERSON} AS person,
        b.face_fen = top.face_fen AND top.least_fen < top.face_fen AS top_tier
    FROM redemption_redemption r
    JOIN vouchers_enrolmentkey k ON k.enrolment_id = r.enrolment_id
        AND k.valid_from <= r.held_at AND (k.valid_until IS NULL OR k.valid_until > r.held_at)
    JOIN insiders i ON i.key_id = k.key_id AND i.merchant_id = r.merchant_id
        AND (i.store_id IS NULL OR i.store_id = r.store_id)
        AND (i.valid_until IS NULL OR i.valid_until > r.held_at)
    JOIN merchants_store s ON s.id = r.store_id
    JOIN redemption_redemptionline n ON n.redemption_id = r.id
    JOIN vouchers_batch b ON b.id = n.batch_id
    CROSS JOIN top
    WHERE r.campaign_id = %(campaign)s AND r.state = 'CONFIRMED'
        AND r.held_at >= %(start)s AND r.held_at < %(until)s
    ORDER BY r.store_id, r.held_at, r.id, i.position
"""  # noqa: S608 - constants of this module

# Everybody's redemptions at the stores noticed, in the same window.
_STORES = f"""
    SELECT r.store_id, count(*) AS redemptions, count(DISTINCT {_PERSON}) AS persons
      FROM redemption_redemption r
     WHERE r.campaign_id = %(campaign)s AND r.state = 'CONFIRMED'
       AND r.held_at >= %(start)s AND r.held_at < %(until)s AND r.store_id = ANY(%(stores)s)
     GROUP BY r.store_id
"""  # noqa: S608 - constants of this module


class InsiderRule(Rule):
    """At least ``count`` redemptions by insiders at one store, or one of the highest tier.

    Insiders are known by hashed numbers the merchant registered (法人、店员、收款人、收银设备). A
    campaign with one tier only has no highest one. Freezes alone: the evidence is who they are.
    """

    id = "FM10"
    name = _("员工自刷")
    version = 1
    family = Family.PEOPLE
    subject_type = SubjectType.STORE
    defaults = {"count": 2}
    window = timedelta(days=7)
    freezes_alone = True
    labels = {
        "store_redemptions": _("本店同期全部核销笔数"),
        "others_redemptions_bp": _("核销笔数中非关联人员占比"),
        "store_persons": _("本店同期核销顾客人数"),
        "others_persons_bp": _("顾客人数中非关联人员占比"),
        "most_in_a_day": _("同一关联人员单日最多笔数"),
        "own_money_fen": _("关联人员自付金额（元）"),
    }

    def evaluate(self, context: RuleContext) -> Evaluation:
        """Look for insiders' redemptions in the window."""
        stores: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for row in rows(_FACTS, context):
            stores[row["store_id"]].append(row)
        noticed = {
            store_id: facts
            for store_id, facts in stores.items()
            if len(facts) >= context.parameters["count"] or any(fact["top_tier"] for fact in facts)
        }
        if not noticed:
            return Evaluation()
        totals = {row["store_id"]: row for row in rows(_STORES, context, stores=list(noticed))}
        return Evaluation(
            tuple(_finding(key, facts, totals[key]) for key, facts in noticed.items())
        )


def _finding(store_id: object, facts: list[dict[str, Any]], store: dict[str, Any]) -> Finding:
    first = facts[0]
    return Finding(
        subject_id=str(store_id),
        subject_label=first["store"],
        owner_region=first["owner_region"],
        store_region=first["region_code"],
        fact_ids=tuple(str(fact["redemption"]) for fact in facts),
        evidence={
            "redemptions": len(facts),
            "top_tier": sum(fact["top_tier"] for fact in facts),
            "insiders": sorted({f"{fact['position']} {fact['masked']}" for fact in facts}),
            "subsidy_fen": sum(fact["subsidy_fen"] for fact in facts),
            "list": listed(
                {name: fact[name] for name in ("redemption", "at", "position", "masked")}
                for fact in facts
            ),
            "against": _against(facts, store),
        },
    )


def _against(facts: list[dict[str, Any]], store: dict[str, Any]) -> dict[str, int]:
    """Return what an honest shop shows: most of its trade is with others, staff pay and buy little.

    A store whose only vouchers are its staff's has 0 % others.
    """
    persons = {fact["person"] for fact in facts}
    days = Counter((fact["person"], fact["at"].astimezone(TIME_ZONE).date()) for fact in facts)
    others = store["redemptions"] - len(facts)
    return {
        "store_redemptions": store["redemptions"],
        "others_redemptions_bp": basis_points(others, store["redemptions"]),
        "store_persons": store["persons"],
        "others_persons_bp": basis_points(store["persons"] - len(persons), store["persons"]),
        "most_in_a_day": max(days.values()),
        "own_money_fen": sum(fact["payable_fen"] for fact in facts),
    }
