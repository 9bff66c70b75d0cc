"""FM7 领后即核: most vouchers of a store are used within minutes of being claimed."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.screening.rules import Evaluation, Family, Finding, Rule, RuleContext, SubjectType
from redemption.screening.reading import basis_points, listed, peers_of, rows

_FACTS = """
    SELECT r.store_id, s.name AS store, s.owner_region, s.region_code, r.id AS redemption,
        r.held_at AS at, r.subsidy_fen, r.enrolment_id AS person,
        extract(epoch FROM r.held_at - min(v.issued_at))::bigint AS seconds
    FROM redemption_redemption r
    JOIN redemption_redemptionline n ON n.redemption_id = r.id
    JOIN vouchers_voucher v ON v.id = n.voucher_id
    JOIN vouchers_batch b ON b.id = v.batch_id AND b.kind <> 'INSTANT'
    JOIN merchants_store s ON s.id = r.store_id
    WHERE r.campaign_id = %(campaign)s AND r.state = 'CONFIRMED'
        AND r.held_at >= %(start)s AND r.held_at < %(until)s
        AND r.store_id IN (
            SELECT store_id FROM redemption_redemption
            WHERE campaign_id = %(campaign)s AND state = 'CONFIRMED'
                AND held_at >= %(start)s AND held_at < %(until)s
            GROUP BY store_id HAVING count(*) >= %(count)s)
    GROUP BY r.id, s.id
    ORDER BY r.store_id, r.held_at, r.id
"""


class QuickRule(Rule):
    """At least ``share_pct`` % of a store's redemptions come under ``seconds`` after the claim.

    Stores with fewer than ``count`` redemptions in the window are not judged. People who claim at
    the door on an opening day look the same, so this alone freezes nothing. Instant discounts are
    claimed by the payment itself and do not count.
    """

    id = "FM7"
    name = _("领后即核")
    version = 1
    family = Family.TIME
    subject_type = SubjectType.STORE
    defaults = {"share_pct": 60, "seconds": 300, "count": 20}
    window = timedelta(days=7)

    def evaluate(self, context: RuleContext) -> Evaluation:
        """Judge the stores with enough redemptions."""
        stores: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for row in rows(_FACTS, context):
            stores[row["store_id"]].append(row)
        if not stores:
            return Evaluation(insufficient=str(_("没有核销笔数足够的门店")))
        limit_s = context.parameters["seconds"]
        quick = {
            store_id: [fact for fact in facts if fact["seconds"] < limit_s]
            for store_id, facts in stores.items()
        }
        shares = {
            store_id: basis_points(len(quick[store_id]), len(facts))
            for store_id, facts in stores.items()
        }
        findings = []
        for store_id, share in shares.items():
            if share >= context.parameters["share_pct"] * 100:
                peers = peers_of([value for one, value in shares.items() if one != store_id])
                findings.append(
                    _finding(store_id, quick[store_id], len(stores[store_id]), share, peers)
                )
        return Evaluation(tuple(findings))


def _finding(
    store_id: object,
    quick: list[dict[str, Any]],
    count: int,
    share: int,
    peers: dict[str, int],
) -> Finding:
    first = quick[0]
    persons = len({fact["person"] for fact in quick})
    return Finding(
        subject_id=str(store_id),
        subject_label=first["store"],
        owner_region=first["owner_region"],
        store_region=first["region_code"],
        fact_ids=tuple(str(fact["redemption"]) for fact in quick),
        evidence={
            "share_bp": share,
            "quick": len(quick),
            "redemptions": count,
            "subsidy_fen": sum(fact["subsidy_fen"] for fact in quick),
            "peers_share_bp": peers,
            "list": listed(
                {name: fact[name] for name in ("redemption", "at", "seconds")} for fact in quick
            ),
            "against": {
                "distinct_persons_bp": basis_points(persons, len(quick)),
                "days": len({fact["at"].date() for fact in quick}),
            },
        },
    )
