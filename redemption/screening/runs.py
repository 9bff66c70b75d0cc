"""FM6 连刷: redemptions at one till in such a row that no cashier could have served them."""

from collections import defaultdict
from datetime import datetime, time, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.clock import TIME_ZONE
from core.screening.rules import Evaluation, Family, Finding, Rule, RuleContext, SubjectType
from redemption.screening.reading import basis_points, listed, rows

_RUNS = """
    WITH facts AS (
        SELECT r.id, r.terminal_id, r.store_id, r.enrolment_id, r.held_at, r.order_fen,
            r.subsidy_fen, r.held_at - lag(r.held_at) OVER till AS gap
        FROM redemption_redemption r
        WHERE r.campaign_id = %(campaign)s AND r.state = 'CONFIRMED'
            AND r.held_at >= %(start)s AND r.held_at < %(until)s
        WINDOW till AS (PARTITION BY r.terminal_id ORDER BY r.held_at, r.id)),
    numbered AS (
        SELECT *, count(*) FILTER (WHERE gap IS NULL OR gap >= %(gap_s)s * interval '1 second')
            OVER (PARTITION BY terminal_id ORDER BY held_at, id) AS run
        FROM facts),
    sized AS (
        SELECT *, count(*) OVER (PARTITION BY terminal_id, run) AS length FROM numbered)
    SELECT n.store_id, s.name AS store, s.owner_region, s.region_code, t.terminal_no, n.run,
        n.length, n.id AS redemption, n.held_at AS at, n.enrolment_id AS person,
        n.order_fen, n.subsidy_fen
    FROM sized n
    JOIN merchants_store s ON s.id = n.store_id
    JOIN merchants_terminal t ON t.id = n.terminal_id
    WHERE n.length >= %(length)s
    ORDER BY n.store_id, n.held_at, n.id
"""
LUNCH = ((time(11), time(13, 30)), (time(17), time(20)))


class RunRule(Rule):
    """Runs of at least ``length`` redemptions at one till, each less than ``gap_s`` after the last.

    A canteen at noon or a tour group does the same, so this alone freezes nothing: the hit says
    whether the people differ and whether it was meal time.
    """

    id = "FM6"
    name = _("连刷")
    version = 1
    family = Family.TIME
    subject_type = SubjectType.STORE
    defaults = {"length": 10, "gap_s": 60}
    window = timedelta(days=1)

    def evaluate(self, context: RuleContext) -> Evaluation:
        """Look for runs in the window; there is always enough data."""
        stores: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for row in rows(_RUNS, context):
            stores[row["store_id"]].append(row)
        return Evaluation(
            tuple(self._finding(store_id, facts) for store_id, facts in stores.items())
        )

    def _finding(self, store_id: object, facts: list[dict[str, Any]]) -> Finding:
        first = facts[0]
        persons = len({fact["person"] for fact in facts})
        at_meals = sum(_meal_time(fact["at"]) for fact in facts)
        return Finding(
            subject_id=str(store_id),
            subject_label=first["store"],
            owner_region=first["owner_region"],
            store_region=first["region_code"],
            fact_ids=tuple(str(fact["redemption"]) for fact in facts),
            evidence={
                "runs": len({(fact["terminal_no"], fact["run"]) for fact in facts}),
                "longest_run": max(fact["length"] for fact in facts),
                "redemptions": len(facts),
                "subsidy_fen": sum(fact["subsidy_fen"] for fact in facts),
                "list": listed(
                    {name: fact[name] for name in ("redemption", "at", "terminal_no", "order_fen")}
                    for fact in facts
                ),
                "against": {
                    "distinct_persons_bp": basis_points(persons, len(facts)),
                    "at_meal_time_bp": basis_points(at_meals, len(facts)),
                },
            },
        )


def _meal_time(at: datetime) -> bool:
    moment = at.astimezone(TIME_ZONE).time()
    return any(start <= moment < until for start, until in LUNCH)
