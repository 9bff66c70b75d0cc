"""The screening engine: hits once, cases, money frozen by two families, decisions by two people."""

import threading
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connections

from core.access.models import Role, User
from core.approvals.models import Approval, ApprovalState
from core.approvals.services import approval_decide
from core.audit.models import AuditEvent
from core.clock import TIME_ZONE
from core.embedded.record import ServiceUrls
from core.errors import DomainError, InvalidParametersError
from core.screening import hooks, rules
from core.screening.hooks import CaseHooks, case_hooks_register
from core.screening.models import Case, CaseState, Hit, RuleParameter
from core.screening.parameters import rule_parameters, rule_parameters_set
from core.screening.rules import (
    Evaluation,
    Family,
    Finding,
    Rule,
    RuleContext,
    SubjectType,
    rule_register,
)
from core.screening.services import case_decide, case_review_start, rules_run
from core.screening.services.evidence import due_date
from core.states import StateConflictError
from tests.factories.merchants import LIUZHOU, NANNING
from tests.factories.staff import staff_make

NOW = datetime(2024, 3, 30, 9, 30, tzinfo=TIME_ZONE)
CAMPAIGN, OTHER = UUID(int=1), UUID(int=2)
FEN_PER_FACT = 300_000


class Facts:
    """What the rules see: facts per store; and the money, frozen per fact."""

    def __init__(self) -> None:
        """Start empty and register the money's side."""
        self.stores: dict[str, list[str]] = {}
        self.frozen: set[str] = set()
        self.released: list[UUID] = []
        self.upheld: list[UUID] = []
        case_hooks_register(CaseHooks(self.freeze, self.release, self.uphold))

    def freeze(self, _case: Case, fact_ids: Sequence[str], _now: datetime) -> int:
        """Freeze what is not frozen yet."""
        new = set(fact_ids) - self.frozen
        self.frozen |= new
        return len(new) * FEN_PER_FACT

    def release(self, case: Case, _now: datetime) -> None:
        """Note the case."""
        self.released.append(case.pk)

    def uphold(self, case: Case, _now: datetime) -> None:
        """Note the case."""
        self.upheld.append(case.pk)


class StoreRule(Rule):
    """Hits every store with at least `count` facts."""

    id = "T1"
    name = "测试规则"
    version = 1
    family = Family.TIME
    subject_type = SubjectType.STORE
    defaults = {"count": 2}
    window = timedelta(days=7)

    def __init__(self, facts: Facts) -> None:
        """Look at these facts."""
        self.facts = facts

    def evaluate(self, context: RuleContext) -> Evaluation:
        """Count per store."""
        if context.campaign_id != CAMPAIGN:
            return Evaluation(insufficient="no facts")
        return Evaluation(
            tuple(
                Finding(
                    subject_id=store,
                    subject_label=f"门店{store}",
                    owner_region=NANNING,
                    store_region=NANNING,
                    evidence={"count": len(ids), "against": []},
                    fact_ids=tuple(ids),
                )
                for store, ids in self.facts.stores.items()
                if len(ids) >= context.parameters["count"]
            )
        )


class AmountRule(StoreRule):
    """A second family."""

    id = "T2"
    family = Family.AMOUNT
    defaults = {"count": 3}


class AloneRule(StoreRule):
    """A rule that may freeze alone."""

    id = "T3"
    defaults = {"count": 5}
    freezes_alone = True


@pytest.fixture
def facts(monkeypatch: pytest.MonkeyPatch) -> Facts:
    monkeypatch.setattr(rules, "_rules", {})
    monkeypatch.setattr(hooks, "_registered", [])
    made = Facts()
    for kind in (StoreRule, AmountRule, AloneRule):
        rule_register(kind(made))
    return made


def run(now: datetime = NOW) -> tuple[int, int, int]:
    """Run all rules; returns hits, cases, fen frozen."""
    summary = rules_run(campaign_ids=[CAMPAIGN], now=now)
    return summary.hits, summary.cases, summary.frozen_fen


def maker_make() -> User:
    """Return a 风控经办 of Nanning."""
    return staff_make(Role.RISK_MAKER, region=NANNING)


@pytest.mark.django_db
def test_a_hit_opens_a_case_with_owner_and_due_date(facts: Facts) -> None:
    staff_make(Role.RISK_MAKER, region=LIUZHOU)
    owner = maker_make()
    facts.stores = {"s1": ["a", "b"], "s2": ["c"]}
    assert run() == (1, 1, 0)
    case = Case.objects.get()
    assert (case.subject_type, case.subject_id, case.subject_label) == ("STORE", "s1", "门店s1")
    assert (case.state, case.owner, case.opened_at) == (CaseState.OPEN, owner, NOW)
    assert case.due_on == date(2024, 4, 15)  # 1–3, 7–12 and 15 April: ten working days over 清明节
    assert (case.owner_region, case.store_region, case.frozen_fen) == (NANNING, NANNING, 0)
    assert len(case.evidence_hash) == 64
    hit = Hit.objects.get()
    assert (hit.rule, hit.rule_version, hit.family, hit.case) == ("T1", 1, "TIME", case)
    assert hit.window_from == datetime(2024, 3, 23, 9, tzinfo=TIME_ZONE)
    assert hit.window_until == datetime(2024, 3, 30, 9, tzinfo=TIME_ZONE)
    assert hit.fact_ids == ["a", "b"]
    assert hit.evidence == {
        "count": 2,
        "against": [],
        "parameters": {"count": 2},
        "parameter_version": 0,
    }


@pytest.mark.django_db
def test_running_again_or_later_over_the_same_facts_adds_nothing(facts: Facts) -> None:
    facts.stores = {"s1": ["a", "b", "c"]}
    assert run() == (2, 1, 3 * FEN_PER_FACT)
    assert run() == (0, 0, 0)
    assert run(NOW + timedelta(hours=5)) == (0, 0, 0)
    assert (Case.objects.count(), Hit.objects.count()) == (1, 2)


@pytest.mark.django_db
def test_new_facts_extend_the_case_and_its_evidence(facts: Facts) -> None:
    facts.stores = {"s1": ["a", "b"]}
    run()
    before = Case.objects.get()
    facts.stores = {"s1": ["b", "c"]}
    assert run(NOW + timedelta(hours=1)) == (1, 0, 0)
    case = Case.objects.get()
    assert case.pk == before.pk
    assert case.evidence_hash != before.evidence_hash
    assert case.hits.count() == 2


@pytest.mark.django_db
def test_money_is_frozen_by_two_families_or_by_a_rule_that_may_alone(facts: Facts) -> None:
    facts.stores = {"weak": ["a", "b"]}
    assert run() == (1, 1, 0)
    assert facts.frozen == set()
    facts.stores = {"two": ["c", "d", "e"]}
    assert run(NOW + timedelta(hours=1)) == (2, 1, 3 * FEN_PER_FACT)
    assert facts.frozen == {"c", "d", "e"}
    assert Case.objects.get(subject_id="two").frozen_fen == 3 * FEN_PER_FACT
    assert Case.objects.get(subject_id="weak").frozen_fen == 0
    rules._rules.pop("T1")
    rules._rules.pop("T2")
    facts.stores = {"alone": ["1", "2", "3", "4", "5"]}
    assert run(NOW + timedelta(hours=2)) == (1, 1, 5 * FEN_PER_FACT)


@pytest.mark.django_db
def test_a_rule_without_enough_data_gives_no_hit(facts: Facts) -> None:
    summary = rules_run(campaign_ids=[OTHER], now=NOW)
    assert (summary.evaluations, summary.insufficient, summary.hits) == (3, 3, 0)


@pytest.mark.django_db
def test_parameters_are_versioned_per_campaign_and_switch_rules_off(facts: Facts) -> None:
    facts.stores = {"s1": ["a", "b"]}
    maker = maker_make()
    common = {"rule_id": "T1", "actor": maker, "region": NANNING, "reason": "校准", "now": NOW}
    rule_parameters_set(values={"count": 9}, **common)  # type: ignore[arg-type]
    rule_parameters_set(values={"count": 2}, campaign_id=CAMPAIGN, **common)  # type: ignore[arg-type]
    rule_parameters_set(values={"count": 8}, **common)  # type: ignore[arg-type]
    one = rules.rule("T1")
    assert rule_parameters(rule=one, campaign_id=CAMPAIGN).values == {"count": 2}
    assert rule_parameters(rule=one, campaign_id=OTHER).values == {"count": 8}
    assert rule_parameters(rule=one, campaign_id=OTHER).version == 2
    rule_parameters_set(values={}, campaign_id=CAMPAIGN, enabled=False, **common)  # type: ignore[arg-type]
    assert run() == (0, 0, 0)
    assert AuditEvent.objects.filter(action="screening.parameters").count() == 4


@pytest.mark.django_db
@pytest.mark.parametrize("values", [{"other": 1}, {"count": -1}, {"count": True}, {"count": "2"}])
def test_wrong_parameters_are_refused(facts: Facts, values: dict[str, int]) -> None:
    with pytest.raises(InvalidParametersError):
        rule_parameters_set(
            rule_id="T1", values=values, actor=maker_make(), region=NANNING, reason="x", now=NOW
        )
    assert RuleParameter.objects.count() == 0


@pytest.mark.django_db
def test_a_small_case_is_decided_by_one_person_with_a_reason(facts: Facts) -> None:
    facts.stores = {"s1": ["a", "b", "c"]}  # 9,000 yuan
    maker = maker_make()
    run()
    case = Case.objects.get()
    decision = {"case_id": case.pk, "outcome": CaseState.RELEASED, "now": NOW}
    with pytest.raises(DomainError) as caught:
        case_decide(reason=" ", actor=maker, **decision)  # type: ignore[arg-type]
    assert caught.value.code == "audit.reason_required"
    with pytest.raises(DomainError) as caught:
        case_decide(
            reason="x",
            actor=staff_make(Role.RISK_MAKER, region=LIUZHOU),
            **decision,  # type: ignore[arg-type]
        )
    assert caught.value.code == "access.permission_denied"
    assert Case.objects.get().state == CaseState.OPEN
    case_review_start(case_id=case.pk, actor=maker, now=NOW)
    case_decide(reason="开业促销", actor=maker, **decision)  # type: ignore[arg-type]
    case.refresh_from_db()
    assert (case.state, case.decided_at) == (CaseState.RELEASED, NOW)
    assert case.decision_reason == "开业促销"
    assert (facts.released, facts.upheld) == ([case.pk], [])
    with pytest.raises(StateConflictError):
        case_decide(case_id=case.pk, outcome=CaseState.UPHELD, reason="x", actor=maker, now=NOW)
    assert facts.upheld == []


@pytest.mark.django_db
def test_above_ten_thousand_yuan_a_second_person_decides(facts: Facts) -> None:
    facts.stores = {"s1": ["a", "b", "c", "d"]}  # 12,000 yuan
    maker, checker = maker_make(), staff_make(Role.RISK_CHECKER, region=NANNING)
    run()
    case = Case.objects.get()
    approval = case_decide(
        case_id=case.pk, outcome=CaseState.UPHELD, reason="虚假交易", actor=maker, now=NOW
    )
    assert isinstance(approval, Approval)
    case.refresh_from_db()
    assert (case.state, case.owner, facts.upheld) == (CaseState.IN_REVIEW, maker, [])
    approval_decide(approval_id=approval.pk, checker=checker, agree=True, now=NOW)
    case.refresh_from_db()
    assert (case.state, case.decision_reason) == (CaseState.UPHELD, "虚假交易")
    assert facts.upheld == [case.pk]


@pytest.mark.django_db
def test_new_evidence_makes_a_waiting_decision_void(facts: Facts) -> None:
    facts.stores = {"s1": ["a", "b", "c", "d"]}
    maker, checker = maker_make(), staff_make(Role.RISK_CHECKER, region=NANNING)
    run()
    case = Case.objects.get()
    approval = case_decide(
        case_id=case.pk, outcome=CaseState.RELEASED, reason="团餐", actor=maker, now=NOW
    )
    facts.stores = {"s1": ["a", "b", "c", "d", "e"]}
    run(NOW + timedelta(hours=1))
    with pytest.raises(DomainError) as caught:
        approval_decide(approval_id=approval.pk, checker=checker, agree=True, now=NOW)
    assert caught.value.code == "approval.configuration_changed"
    assert Approval.objects.get().state == ApprovalState.PENDING
    assert facts.released == []


@pytest.mark.django_db
def test_a_released_case_comes_back_only_with_new_facts_and_keeps_old_ones_free(
    facts: Facts,
) -> None:
    facts.stores = {"s1": ["a", "b", "c"]}
    run()
    case_decide(
        case_id=Case.objects.get().pk,
        outcome=CaseState.RELEASED,
        reason="团餐",
        actor=maker_make(),
        now=NOW,
    )
    facts.frozen.clear()
    assert run(NOW + timedelta(hours=1)) == (0, 0, 0)
    facts.stores = {"s1": ["a", "b", "c", "d"]}
    assert run(NOW + timedelta(hours=2)) == (2, 1, FEN_PER_FACT)
    assert facts.frozen == {"d"}
    assert Case.objects.count() == 2


def test_two_runs_at_once_give_the_same_hits_once(own_database: ServiceUrls, facts: Facts) -> None:
    facts.stores = {f"s{number}": ["a", "b"] for number in range(5)}
    results: list[tuple[int, int, int]] = []

    def work() -> None:
        results.append(run())
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(hits for hits, _, _ in results) == 5
    assert (Case.objects.count(), Hit.objects.count()) == (5, 5)


def test_the_due_date_does_without_a_calendar_that_is_not_published_yet() -> None:
    assert due_date(datetime(2199, 1, 1, 12, tzinfo=TIME_ZONE)) == date(2199, 1, 15)


def test_a_rule_is_registered_once(facts: Facts) -> None:
    rule_register(StoreRule(facts))
    other = AmountRule(facts)
    other.id = "T1"  # type: ignore[misc]
    with pytest.raises(ValueError, match="twice"):
        rule_register(other)
