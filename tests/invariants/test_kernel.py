"""Each check of the kernel fires when its rule is broken, and only that one where possible."""

import json
from datetime import datetime, timedelta
from io import StringIO
from uuid import UUID

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from core.approvals.models import Approval, ApprovalDecision
from core.audit.services import audit_chain_append, audit_record
from core.clock import TIME_ZONE, wall
from core.embedded.record import ServiceUrls
from core.ids import new_id
from core.invariants.kernel import LEDGER_CHECKS, RECORD_CHECKS
from core.invariants.registry import checks
from core.invariants.services import NIGHTLY, invariants_check, invariants_last
from core.jobs.models import ScheduledTick
from core.jobs.ticks import tick_run
from core.ledger.models import Account, AccountKind, Entry, EntryCode, Posting
from core.ledger.services import Transfer, entry_post
from core.outbox.models import Delivery, OutboxEvent
from core.screening.models import Case, Hit
from core.transactions import transaction
from tests.factories.merchants import NANNING
from tests.factories.staff import staff_make
from tests.invariants.helpers import assert_fires, assert_sound, checks_failing, corrupt

pytestmark = pytest.mark.broken_books

NOW = datetime(2024, 3, 30, 9, tzinfo=TIME_ZONE)
CAMPAIGN, FUNDER, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
# The entries here belong to no campaign, which the checks of upper rooms would rightly report.
KERNEL = [name for name, _, _ in (*LEDGER_CHECKS, *RECORD_CHECKS)]
ONLY = [f"--only={name}" for name in KERNEL]
LEDGER = ["core_account", "core_posting", "core_entry"]
FK_DEBIT = ("core_posting", "posting_debit_same_owner")
FK_CREDIT = ("core_posting", "posting_credit_same_owner")


def entry_make(funder: UUID = FUNDER, fen: int = 500) -> UUID:
    """Write an entry: 5.00 yuan of quota."""
    with transaction():
        entry = entry_post(
            code=EntryCode.BUDGET,
            campaign_id=CAMPAIGN,
            source_key=str(new_id()),
            business_date=NOW.date(),
            at=NOW,
            transfers=[Transfer(funder, AccountKind.FUNDER_RECEIVABLE, AccountKind.AVAILABLE, fen)],
        )
    assert entry is not None
    return entry


@pytest.fixture(autouse=True)
def _books(own_database: ServiceUrls) -> None:
    entry_make()
    entry_make(OTHER, 700)
    assert_sound(KERNEL)


def account(kind: AccountKind, funder: UUID = FUNDER) -> Account:
    """Return an account of the test's campaign."""
    return Account.objects.get(campaign_id=CAMPAIGN, funder_id=funder, kind=kind)


def test_a_balance_that_is_not_the_sum_of_its_postings() -> None:
    corrupt(
        "UPDATE core_account SET balance_fen = balance_fen + 1 WHERE funder_id = %s",
        [FUNDER],
        disable=LEDGER,
    )
    assert checks_failing(KERNEL) == {"ledger.balance_is_sum_of_postings": 2}


def test_a_balance_below_zero() -> None:
    receivable, available = (
        account(AccountKind.FUNDER_RECEIVABLE),
        account(AccountKind.AVAILABLE),
    )
    corrupt(
        "INSERT INTO core_posting (entry_id, campaign_id, funder_id, debit_account_id,"
        " credit_account_id, amount_fen) SELECT id, %s, %s, %s, %s, 900 FROM core_entry LIMIT 1",
        [CAMPAIGN, FUNDER, available.pk, receivable.pk],
        drop=[("core_account", "account_not_negative")],
    )
    assert_fires("ledger.balance_not_negative", only=KERNEL)
    assert account(AccountKind.AVAILABLE).balance_fen == -400


def test_a_posting_across_two_funders() -> None:
    corrupt(
        "UPDATE core_posting SET credit_account_id = %s WHERE funder_id = %s",
        [account(AccountKind.AVAILABLE, OTHER).pk, FUNDER],
        disable=LEDGER,
        drop=[FK_DEBIT, FK_CREDIT],
    )
    assert_fires(
        "ledger.posting_one_campaign_and_funder",
        also=["ledger.balance_is_sum_of_postings"],
        only=KERNEL,
    )


def test_a_posting_without_its_account() -> None:
    corrupt(
        "UPDATE core_posting SET debit_account_id = 999999, credit_account_id = 999998"
        " WHERE funder_id = %s",
        [FUNDER],
        disable=LEDGER,
        drop=[FK_DEBIT, FK_CREDIT],
    )
    assert_fires(
        "ledger.posting_one_campaign_and_funder",
        also=["ledger.balance_is_sum_of_postings"],
        only=KERNEL,
    )


def test_a_posting_that_is_not_positive() -> None:
    entry = Entry.objects.order_by("pk").first()
    assert entry is not None
    receivable = account(AccountKind.FUNDER_RECEIVABLE).pk
    corrupt(
        "INSERT INTO core_posting (entry_id, campaign_id, funder_id, debit_account_id,"
        " credit_account_id, amount_fen) VALUES (%s, %s, %s, %s, %s, 5)",
        [entry.pk, CAMPAIGN, FUNDER, receivable, receivable],
        drop=[("core_posting", "posting_two_accounts")],
    )
    assert_fires("ledger.posting_positive", only=KERNEL)


def test_sides_that_differ() -> None:
    corrupt(
        "UPDATE core_account SET balance_fen = balance_fen + 7 WHERE id = %s",
        [account(AccountKind.AVAILABLE).pk],
        disable=LEDGER,
    )
    assert_fires("ledger.sides_equal", also=["ledger.balance_is_sum_of_postings"], only=KERNEL)


def test_an_entry_without_a_posting() -> None:
    entry = entry_make(UUID(int=9), 100)
    corrupt("DELETE FROM core_posting WHERE entry_id = %s", [entry], disable=LEDGER)
    corrupt(
        "UPDATE core_account SET balance_fen = 0 WHERE funder_id = %s",
        [UUID(int=9)],
        disable=LEDGER,
    )
    assert checks_failing(KERNEL) == {"ledger.entry_has_posting": 1}
    assert Posting.objects.filter(entry_id=entry).count() == 0


def test_an_audit_chain_that_was_changed() -> None:
    audit_record(action="a", subject_type="t", subject_id=1, now=NOW)
    assert audit_chain_append() == 2
    assert_sound(KERNEL)
    corrupt("UPDATE core_auditevent SET reason = 'x'", disable=["core_auditevent"])
    assert checks_failing(KERNEL) == {"audit.chain_unbroken": 1}


def test_an_audit_event_that_nobody_chained() -> None:
    audit_record(action="a", subject_type="t", subject_id=1, now=NOW)
    assert_sound(KERNEL)
    corrupt(
        "UPDATE core_auditevent SET recorded_at = recorded_at - interval '1 hour'",
        disable=["core_auditevent"],
    )
    assert checks_failing(KERNEL) == {"audit.events_chained": 1}


def approval_make(state: str, *, agreed: bool) -> Approval:
    """Return an approval with one word of a checker."""
    approval = Approval.objects.create(
        kind="x",
        subject_type="x",
        subject_id="1",
        title="x",
        config_hash="0" * 64,
        owner_region=NANNING,
        maker=staff_make(),
        created_at=NOW,
    )
    ApprovalDecision.objects.create(
        approval=approval, step=1, checker=staff_make(), agreed=agreed, at=NOW
    )
    if state != "PENDING":
        approval.state, approval.decided_at = state, NOW
        approval.save(update_fields=["state", "decided_at"])
    return approval


@pytest.mark.parametrize(
    ("statement", "table", "agreed", "state"),
    [
        ("UPDATE core_approval SET depth = 2", "core_approval", True, "APPROVED"),
        (
            "UPDATE core_approvaldecision SET checker_id ="
            " (SELECT maker_id FROM core_approval LIMIT 1)",
            "core_approvaldecision",
            True,
            "APPROVED",
        ),
        (
            "UPDATE core_approval SET state = 'APPROVED', decided_at = created_at",
            "core_approval",
            False,
            "PENDING",
        ),
    ],
)
def test_an_approval_without_its_checkers(
    statement: str, table: str, agreed: bool, state: str
) -> None:
    approval_make(state, agreed=agreed)
    assert_sound(KERNEL)
    corrupt(statement, disable=[table])
    assert checks_failing(KERNEL) == {"approvals.depth_reached": 1}


def delivery_make(age: timedelta) -> Delivery:
    """Return a delivery of an event recorded so long ago."""
    moment = wall() - age
    event = OutboxEvent.objects.create(
        event_id=new_id(),
        topic="x",
        aggregate_type="x",
        aggregate_id="1",
        at=NOW,
        recorded_at=moment,
    )
    return Delivery.objects.create(event=event, consumer="c", run_at=moment)


def test_an_event_that_is_not_acknowledged() -> None:
    delivery_make(timedelta(minutes=10))
    assert_sound(KERNEL)
    delivery_make(timedelta(minutes=30))
    assert checks_failing(KERNEL) == {"outbox.acknowledged": 1}


def test_a_parked_event() -> None:
    delivery = delivery_make(timedelta(0))
    Delivery.objects.filter(pk=delivery.pk).update(state=Delivery.State.PARKED)
    assert checks_failing(KERNEL) == {"outbox.acknowledged": 1}


@pytest.mark.parametrize("state", ["CLAIMED", "FAILED"])
def test_a_tick_that_nobody_finished(state: str) -> None:
    ScheduledTick.objects.create(job="j", tick_at=NOW, state=state, claimed_at=wall())
    assert_sound(KERNEL)
    ScheduledTick.objects.update(claimed_at=wall() - timedelta(minutes=30))
    assert checks_failing(KERNEL) == {"ticks.complete": 1}


def case_make() -> Case:
    """Return a case with one hit."""
    case = Case.objects.create(
        campaign_id=CAMPAIGN,
        subject_type="STORE",
        subject_id="s1",
        owner_region=NANNING,
        opened_at=NOW,
        due_on=NOW.date(),
    )
    Hit.objects.create(
        rule="T1",
        rule_version=1,
        family="TIME",
        campaign_id=CAMPAIGN,
        subject_type="STORE",
        subject_id="s1",
        window_from=NOW,
        window_until=NOW,
        evidence={},
        case=case,
        at=NOW,
    )
    return case


@pytest.mark.parametrize(
    "statement", ["DELETE FROM core_hit", "UPDATE core_hit SET subject_id = 'other'"]
)
def test_a_case_without_its_hit(statement: str) -> None:
    case_make()
    assert_sound(KERNEL)
    corrupt(statement, disable=["core_hit"])
    assert checks_failing(KERNEL) == {"screening.case_has_its_hits": 1}


def test_the_command_shows_the_rows_and_leaves_with_one() -> None:
    out = StringIO()
    call_command("check_invariants", *ONLY, stdout=out)
    assert "0 violations" in out.getvalue()
    corrupt("UPDATE core_account SET balance_fen = balance_fen + 1", disable=LEDGER)
    out = StringIO()
    with pytest.raises(SystemExit) as caught:
        call_command("check_invariants", "--json", *ONLY, stdout=out)
    assert caught.value.code == 1
    report = json.loads(out.getvalue())
    assert report["violations"] == 4
    broken = [result for result in report["results"] if result["violations"]]
    assert [result["name"] for result in broken] == ["ledger.balance_is_sum_of_postings"]
    assert {row["postings_fen"] for row in broken[0]["rows"]} == {"500", "700"}
    with pytest.raises(CommandError, match=r"unknown checks: no\.such"):
        call_command("check_invariants", "--only", "no.such", stdout=StringIO())


def test_the_nightly_run_keeps_its_result() -> None:
    assert invariants_last() is None
    tick_run(job=NIGHTLY.name, tick_at=NOW, work=NIGHTLY.work)
    last = invariants_last()
    assert last is not None
    seen = invariants_check()
    assert (last.at, last.checks, last.violations) == (NOW, len(checks()), seen.violations)
    assert set(last.failed) == {result.name for result in seen.failed}


def test_every_check_of_the_kernel_is_registered_and_has_a_chinese_title() -> None:
    names = {name for name, _, _ in (*LEDGER_CHECKS, *RECORD_CHECKS)}
    assert names <= {check.name for check in checks()}
    assert all(any(char >= "\u4e00" for char in check.title_zh) for check in checks())
    assert len(invariants_check().results) == len(checks())
