"""Maker–checker: different people, enough levels, exactly what was submitted."""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections

from core.access.models import Role, User
from core.approvals import registry
from core.approvals.errors import (
    AlreadyDecidedError,
    ConfigurationChangedError,
    MakerIsCheckerError,
    PendingExistsError,
)
from core.approvals.models import Approval, ApprovalDecision, ApprovalState
from core.approvals.registry import ApprovalKind, approval_kind_register
from core.approvals.services import (
    approval_decide,
    approval_depth,
    approval_request,
    approval_withdraw,
)
from core.audit.models import AuditEvent
from core.canonical import canonical_hash
from core.clock import TIME_ZONE
from core.embedded.record import ServiceUrls
from core.errors import DomainError
from core.states import StateConflictError
from tests.factories.merchants import LIUZHOU, NANNING
from tests.factories.staff import staff_make

NOW = datetime(2024, 3, 30, 9, tzinfo=TIME_ZONE)
LATER = NOW + timedelta(hours=1)
MILLION_YUAN = 100_000_000


class Subject:
    """Something to be approved, kept in memory: its content and what happened to it."""

    def __init__(self) -> None:
        """Start as a draft."""
        self.content: dict[str, Any] = {"budget_fen": 5}
        self.approved: list[datetime] = []
        self.closed: list[str] = []
        self.failure: DomainError | None = None

    def snapshot(self, _subject_id: str, _payload: Mapping[str, Any]) -> object:
        """Return the present content."""
        return dict(self.content)

    def effect(self, _approval: Approval, now: datetime) -> None:
        """Remember the effect, or fail."""
        if self.failure:
            raise self.failure
        self.approved.append(now)

    def kind(self) -> ApprovalKind:
        """Return the matter."""
        return ApprovalKind(
            kind="test.matter",
            title="测试事项",
            snapshot=self.snapshot,
            on_approved=self.effect,
            on_closed=lambda approval, _now: self.closed.append(approval.state),
            maker_action="campaigns.submit_campaign",
            checker_action="campaigns.approve_campaign",
            director_action="campaigns.sign_campaign",
        )


@pytest.fixture
def subject(monkeypatch: pytest.MonkeyPatch) -> Subject:
    monkeypatch.setattr(registry, "_kinds", dict(registry._kinds))
    made = Subject()
    approval_kind_register(made.kind())
    return made


def request(maker: User, *, subject_id: str = "1", amount_fen: int = 0) -> Approval:
    """Submit the matter."""
    return approval_request(
        kind="test.matter",
        subject_type="thing",
        subject_id=subject_id,
        title="批准测试事项",
        maker=maker,
        owner_region=NANNING,
        now=NOW,
        amount_fen=amount_fen,
        payload={"note": "x"},
        reason="年度安排",
    )


def maker_make() -> User:
    """Return a 活动经办 of Nanning."""
    return staff_make(Role.CAMPAIGN_MAKER, region=NANNING)


def checker_make(region: str = NANNING) -> User:
    """Return a 活动复核."""
    return staff_make(Role.CAMPAIGN_CHECKER, region=region)


@pytest.mark.parametrize(
    ("amount_fen", "depth"),
    [(0, 1), (MILLION_YUAN - 1, 1), (MILLION_YUAN, 2), (-MILLION_YUAN, 2)],
)
def test_large_amounts_need_two_levels(amount_fen: int, depth: int) -> None:
    assert approval_depth(amount_fen) == depth


@pytest.mark.django_db
def test_an_agreement_puts_it_into_effect_once(subject: Subject) -> None:
    maker, checker = maker_make(), checker_make()
    approval = request(maker)
    assert approval.config_hash == canonical_hash(
        {"content": {"budget_fen": 5}, "payload": {"note": "x"}}
    )
    assert (approval.state, approval.depth, subject.approved) == (ApprovalState.PENDING, 1, [])
    approval_decide(approval_id=approval.pk, checker=checker, agree=True, now=LATER)
    approval.refresh_from_db()
    assert (approval.state, approval.decided_at) == (ApprovalState.APPROVED, LATER)
    assert subject.approved == [LATER]
    decision = approval.decisions.get()
    assert (decision.step, decision.checker, decision.agreed) == (1, checker, True)
    assert list(AuditEvent.objects.order_by("pk").values_list("action", "actor")) == [
        ("approval.request", maker.pk),
        ("approval.agree", checker.pk),
    ]
    with pytest.raises(StateConflictError):
        approval_decide(approval_id=approval.pk, checker=checker_make(), agree=True, now=LATER)
    assert subject.approved == [LATER]


@pytest.mark.django_db
def test_two_levels_need_the_director_and_two_people(subject: Subject) -> None:
    approval = request(maker_make(), amount_fen=MILLION_YUAN)
    first, director = checker_make(), staff_make(Role.DIRECTOR, region=NANNING)
    with pytest.raises(DomainError) as caught:
        approval_decide(approval_id=approval.pk, checker=director, agree=True, now=LATER)
    assert caught.value.code == "access.permission_denied"
    approval_decide(approval_id=approval.pk, checker=first, agree=True, now=LATER)
    approval.refresh_from_db()
    assert (approval.state, subject.approved) == (ApprovalState.PENDING, [])
    with pytest.raises(AlreadyDecidedError):
        approval_decide(approval_id=approval.pk, checker=first, agree=True, now=LATER)
    with pytest.raises(DomainError):
        approval_decide(approval_id=approval.pk, checker=checker_make(), agree=True, now=LATER)
    approval_decide(approval_id=approval.pk, checker=director, agree=True, now=LATER)
    approval.refresh_from_db()
    assert (approval.state, subject.approved) == (ApprovalState.APPROVED, [LATER])


@pytest.mark.django_db
def test_the_maker_cannot_check(subject: Subject) -> None:
    maker = maker_make()
    approval = request(maker)
    with pytest.raises(MakerIsCheckerError):
        approval_decide(approval_id=approval.pk, checker=maker, agree=True, now=LATER)
    assert approval.decisions.count() == 0
    assert Approval.objects.get().state == ApprovalState.PENDING
    assert subject.approved == []


@pytest.mark.django_db
@pytest.mark.parametrize("make", [lambda: checker_make(LIUZHOU), maker_make, staff_make])
def test_only_a_checker_of_the_region_may_check(subject: Subject, make: Callable[[], User]) -> None:
    approval = request(maker_make())
    with pytest.raises(DomainError) as caught:
        approval_decide(approval_id=approval.pk, checker=make(), agree=True, now=LATER)
    assert caught.value.code == "access.permission_denied"
    assert approval.decisions.count() == 0
    assert subject.approved == []


@pytest.mark.django_db
def test_only_a_maker_of_the_region_may_submit(subject: Subject) -> None:
    with pytest.raises(DomainError) as caught:
        request(checker_make())
    assert caught.value.code == "access.permission_denied"
    assert Approval.objects.count() == 0


@pytest.mark.django_db
def test_what_changed_after_submission_cannot_be_approved(subject: Subject) -> None:
    approval = request(maker_make())
    subject.content["budget_fen"] = 6
    with pytest.raises(ConfigurationChangedError):
        approval_decide(approval_id=approval.pk, checker=checker_make(), agree=True, now=LATER)
    assert Approval.objects.get().state == ApprovalState.PENDING
    assert approval.decisions.count() == 0
    assert subject.approved == []


@pytest.mark.django_db
def test_an_effect_that_fails_undoes_the_agreement(subject: Subject) -> None:
    subject.failure = DomainError("claim.paused")
    approval = request(maker_make())
    with pytest.raises(DomainError):
        approval_decide(approval_id=approval.pk, checker=checker_make(), agree=True, now=LATER)
    assert Approval.objects.get().state == ApprovalState.PENDING
    assert approval.decisions.count() == 0


@pytest.mark.django_db
def test_a_rejection_says_why_and_ends_it(subject: Subject) -> None:
    approval = request(maker_make(), amount_fen=MILLION_YUAN)
    checker = checker_make()
    with pytest.raises(DomainError) as caught:
        approval_decide(
            approval_id=approval.pk, checker=checker, agree=False, comment=" ", now=LATER
        )
    assert caught.value.code == "audit.reason_required"
    approval_decide(
        approval_id=approval.pk, checker=checker, agree=False, comment="预算不符", now=LATER
    )
    approval.refresh_from_db()
    assert (approval.state, approval.decided_at) == (ApprovalState.REJECTED, LATER)
    assert (subject.approved, subject.closed) == ([], ["REJECTED"])


@pytest.mark.django_db
def test_one_request_at_a_time_and_a_new_one_after_withdrawal(subject: Subject) -> None:
    maker = maker_make()
    approval = request(maker)
    with pytest.raises(PendingExistsError):
        request(maker_make())
    request(maker, subject_id="2")
    with pytest.raises(DomainError) as caught:
        approval_withdraw(approval_id=approval.pk, actor=maker_make(), reason="改", now=LATER)
    assert caught.value.code == "access.permission_denied"
    approval_withdraw(approval_id=approval.pk, actor=maker, reason="改", now=LATER)
    approval.refresh_from_db()
    assert (approval.state, subject.closed) == (ApprovalState.WITHDRAWN, ["WITHDRAWN"])
    request(maker)
    assert Approval.objects.filter(state=ApprovalState.PENDING).count() == 2


@pytest.mark.django_db
def test_the_database_keeps_maker_and_checker_apart(subject: Subject) -> None:
    maker = maker_make()
    approval = request(maker)
    with pytest.raises(IntegrityError, match="approval_checker_not_maker"):
        ApprovalDecision.objects.create(
            approval=approval, step=1, checker=maker, agreed=True, at=LATER
        )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("UPDATE core_approval SET state = 'APPROVED', decided_at = created_at", "approval_depth"),
        ("UPDATE core_approval SET depth = 0", "approval_frozen"),
        ("UPDATE core_approval SET config_hash = repeat('a', 64)", "Cannot update"),
        ("DELETE FROM core_approval", "Cannot delete"),
    ],
)
def test_the_database_refuses_what_the_service_would_not_do(
    subject: Subject, statement: str, error: str
) -> None:
    request(maker_make())
    with pytest.raises(DatabaseError, match=error), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db
def test_a_decided_approval_takes_no_further_word(subject: Subject) -> None:
    approval = request(maker_make())
    approval_decide(approval_id=approval.pk, checker=checker_make(), agree=True, now=LATER)
    with pytest.raises(IntegrityError, match="approval_decision_pending"):
        ApprovalDecision.objects.create(
            approval=approval, step=2, checker=checker_make(), agreed=True, at=LATER
        )


def test_two_checkers_at_once_put_it_into_effect_once(
    own_database: ServiceUrls, subject: Subject
) -> None:
    approval = request(maker_make())
    checkers = [checker_make() for _ in range(4)]
    outcomes: list[str] = []

    def work(checker: User) -> None:
        try:
            approval_decide(approval_id=approval.pk, checker=checker, agree=True, now=LATER)
            outcomes.append("agreed")
        except StateConflictError:
            outcomes.append("conflict")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(checker,)) for checker in checkers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["agreed", "conflict", "conflict", "conflict"]
    assert subject.approved == [LATER]
    assert approval.decisions.count() == 1
