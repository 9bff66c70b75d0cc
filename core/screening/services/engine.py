"""Running the rules: every run over the same facts gives the same hits, once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connections

from core.audit.services import audit_record
from core.canonical import to_plain_object
from core.screening.hooks import case_hooks
from core.screening.models import Case, Hit
from core.screening.parameters import rule_parameters
from core.screening.rules import Evaluation, Finding, Rule, RuleContext, rules
from core.screening.services.evidence import (
    case_open,
    evidence_hash,
    facts_cleared,
    facts_known,
    may_freeze,
)
from core.transactions import retry_conflicts, transaction

_LOCK = "SELECT pg_advisory_xact_lock(hashtext('xfq.screening'), hashtext(%s))"


@dataclass(slots=True)
class RunSummary:
    """What a run did: evaluations, hits written, cases opened, fen frozen, rules without data."""

    evaluations: int = 0
    hits: int = 0
    cases: int = 0
    frozen_fen: int = 0
    insufficient: int = 0

    def add(self, other: "RunSummary") -> None:
        """Add another summary to this one."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def rules_run(
    *, campaign_ids: Sequence[UUID], now: datetime, only: Iterable[str] | None = None
) -> RunSummary:
    """Run every registered rule (or ``only`` these) over its window that ends before ``now``.

    One transaction per rule and campaign. Running again, even at once, adds nothing: a hit is
    unique per rule, version, campaign, subject and window, and a finding that rests on no fact the
    rule has not reported before is dropped (a released case is not opened again by old facts).
    """
    wanted = None if only is None else set(only)
    summary = RunSummary()
    for campaign_id in campaign_ids:
        for one in rules():
            if wanted is None or one.id in wanted:
                summary.add(_run_one(one, campaign_id, now))
    return summary


@retry_conflicts
def _run_one(rule: Rule, campaign_id: UUID, now: datetime) -> RunSummary:
    parameters = rule_parameters(rule=rule, campaign_id=campaign_id)
    if not parameters.enabled:
        return RunSummary()
    window = rule.window_at(now)
    with transaction(), connections["default"].cursor() as cursor:
        # Two runs of one campaign take turns, so that both see the same open cases.
        cursor.execute(_LOCK, [str(campaign_id)])
        context = RuleContext(campaign_id, window, parameters.values, now)
        evaluation: Evaluation = rule.evaluate(context)
        summary = RunSummary(evaluations=1, insufficient=int(bool(evaluation.insufficient)))
        for finding in sorted(evaluation.findings, key=lambda one: one.subject_id):
            summary.add(_record(rule, parameters.version, context, finding))
    return summary


def _record(
    rule: Rule, parameter_version: int, context: RuleContext, finding: Finding
) -> RunSummary:
    hit = Hit(
        rule=rule.id,
        rule_version=rule.version,
        family=rule.family,
        campaign_id=context.campaign_id,
        subject_type=rule.subject_type,
        subject_id=finding.subject_id,
        window_from=context.window.start,
        window_until=context.window.until,
        freezes=rule.freezes_alone,
        evidence=to_plain_object(
            {
                **finding.evidence,
                "parameters": dict(context.parameters),
                "parameter_version": parameter_version,
            }
        ),
        fact_ids=sorted(finding.fact_ids),
        at=context.now,
    )
    known = facts_known(
        rule_id=rule.id, campaign_id=context.campaign_id, subject_id=finding.subject_id
    )
    if _is_recorded(hit) or (finding.fact_ids and known.issuperset(finding.fact_ids)):
        return RunSummary()
    case, is_new = case_open(
        campaign_id=context.campaign_id,
        subject_type=rule.subject_type,
        finding=finding,
        now=context.now,
    )
    hit.case = case
    hit.save(force_insert=True)
    hits = list(case.hits.all())
    frozen = _freeze(case, hits, context.now)
    case.evidence_hash = evidence_hash(hits)
    case.frozen_fen += frozen
    case.save(update_fields=["evidence_hash", "frozen_fen"])
    _audit(case, hit, frozen, context.now)
    return RunSummary(hits=1, cases=int(is_new), frozen_fen=frozen)


def _is_recorded(hit: Hit) -> bool:
    return Hit.objects.filter(
        rule=hit.rule,
        rule_version=hit.rule_version,
        campaign_id=hit.campaign_id,
        subject_type=hit.subject_type,
        subject_id=hit.subject_id,
        window_from=hit.window_from,
        window_until=hit.window_until,
    ).exists()


def _freeze(case: Case, hits: Sequence[Hit], now: datetime) -> int:
    facts = sorted({fact for hit in hits for fact in hit.fact_ids} - facts_cleared(case))
    if not facts or not may_freeze(hits):
        return 0
    return case_hooks().on_freeze(case, facts, now)


def _audit(case: Case, hit: Hit, frozen_fen: int, now: datetime) -> None:
    audit_record(
        action="screening.hit",
        subject_type="case",
        subject_id=case.pk,
        now=now,
        owner_region=case.owner_region,
        data={
            "rule": hit.rule,
            "version": hit.rule_version,
            "evidence_hash": case.evidence_hash,
            "frozen_fen": frozen_fen,
        },
    )
