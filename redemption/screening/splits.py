"""FM13 拆单: one purchase cut into several, each just above its threshold."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.screening.rules import Evaluation, Family, Finding, Rule, RuleContext, SubjectType
from redemption.screening.reading import basis_points, listed, rows

# A natural person is his document, whatever account he uses; a device may have several people.
_FACTS = """
    WITH facts AS (
        SELECT r.id, r.store_id, r.held_at, r.order_fen, r.subsidy_fen,
            -- Without a threshold the least order is the face and the payer's fen.
            coalesce((b.rules #>> '{benefit,threshold_fen}')::bigint,
                (b.rules #>> '{benefit,tiers,0,from_fen}')::bigint, v.face_fen + 1)
                AS threshold_fen, k.kind, k.key_id
        FROM redemption_redemption r
        JOIN redemption_redemptionline n ON n.redemption_id = r.id
        JOIN vouchers_voucher v ON v.id = n.voucher_id
        JOIN vouchers_batchversion b ON b.id = v.batch_version_id
        JOIN vouchers_enrolmentkey k ON k.enrolment_id = r.enrolment_id
            AND k.kind IN ('DOCUMENT', 'DEVICE') AND k.valid_from <= r.held_at
            AND (k.valid_until IS NULL OR k.valid_until > r.held_at)
        WHERE r.campaign_id = %(campaign)s AND r.state = 'CONFIRMED'
            AND r.held_at >= %(start)s AND r.held_at < %(until)s),
    near AS (
        SELECT *, held_at - lag(held_at) OVER same AS since, lead(held_at) OVER same - held_at AS to
        FROM facts
        WHERE order_fen >= threshold_fen AND order_fen * 100 <= threshold_fen * %(above_pct)s
        WINDOW same AS (PARTITION BY store_id, key_id ORDER BY held_at, id))
    SELECT n.store_id, s.name AS store, s.owner_region, s.region_code, n.id AS redemption,
        n.held_at AS at, n.order_fen, n.threshold_fen, n.subsidy_fen, n.kind, n.key_id
    FROM near n JOIN merchants_store s ON s.id = n.store_id
    WHERE least(n.since, n.to) <= %(minutes)s * interval '1 minute'
    ORDER BY n.store_id, n.held_at, n.id, n.kind DESC
"""
_COUNT = """
    SELECT store_id, count(*) AS redemptions FROM redemption_redemption
    WHERE campaign_id = %(campaign)s AND state = 'CONFIRMED'
        AND held_at >= %(start)s AND held_at < %(until)s
        AND store_id = ANY(%(stores)s) GROUP BY store_id
"""


class SplitRule(Rule):
    """The same person or device pays twice or more within ``minutes`` at one store, each order
    between its threshold and ``above_pct`` % of it.

    Orders close above a threshold alone are honest behaviour; it takes the same person again.
    """

    id = "FM13"
    name = _("拆单")
    version = 1
    family = Family.AMOUNT
    subject_type = SubjectType.STORE
    defaults = {"minutes": 30, "above_pct": 120}
    window = timedelta(days=7)

    def evaluate(self, context: RuleContext) -> Evaluation:
        """Look for split purchases in the window."""
        stores: dict[Any, dict[Any, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
        for row in rows(_FACTS, context):
            stores[row["store_id"]][row["redemption"]].append(row)
        counts = {
            row["store_id"]: row["redemptions"]
            for row in rows(_COUNT, context, stores=list(stores))
        }
        return Evaluation(
            tuple(
                _finding(store_id, list(facts.values()), counts[store_id])
                for store_id, facts in stores.items()
            )
        )


def _finding(store_id: object, facts: list[list[dict[str, Any]]], count: int) -> Finding:
    firsts = [ways[0] for ways in facts]
    by_person = sum(any(way["kind"] == "DOCUMENT" for way in ways) for ways in facts)
    return Finding(
        subject_id=str(store_id),
        subject_label=firsts[0]["store"],
        owner_region=firsts[0]["owner_region"],
        store_region=firsts[0]["region_code"],
        fact_ids=tuple(str(fact["redemption"]) for fact in firsts),
        evidence={
            "redemptions": len(firsts),
            "keys": len({way["key_id"] for ways in facts for way in ways}),
            "subsidy_fen": sum(fact["subsidy_fen"] for fact in firsts),
            "list": listed(
                {
                    name: fact[name]
                    for name in ("redemption", "at", "order_fen", "threshold_fen", "kind")
                }
                for fact in firsts
            ),
            "against": {
                # A family may share a phone: then the device repeats and the person does not.
                "same_device_only_bp": basis_points(len(firsts) - by_person, len(firsts)),
                "share_of_store_bp": basis_points(len(firsts), count),
            },
        },
    )
