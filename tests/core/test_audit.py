"""The audit log: append-only, chained, and a change anywhere is found."""

import threading
from datetime import datetime
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, connections

from core.audit import services
from core.audit.models import AuditEvent, AuditLink
from core.audit.services import audit_chain_append, audit_chain_verify, audit_record, chain_hash
from core.clock import TIME_ZONE, wall
from core.embedded.record import ServiceUrls
from core.ids import new_id
from core.ledger.models import AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from core.transactions import transaction
from tests.factories.staff import staff_make
from tests.invariants.helpers import corrupt

NOW = datetime(2024, 3, 30, 9, tzinfo=TIME_ZONE)
CAMPAIGN = UUID(int=1)
FUNDER = UUID(int=2)


def event_record(number: int) -> AuditEvent:
    """Record one event of the system."""
    return audit_record(
        action="test.change",
        subject_type="thing",
        subject_id=number,
        now=NOW,
        data={"old": number, "new": number + 1},
    )


def budget_post(amount_fen: int = 100) -> UUID | None:
    """Write one entry with one posting."""
    with transaction():
        return entry_post(
            code=EntryCode.BUDGET,
            campaign_id=CAMPAIGN,
            source_key=str(new_id()),
            business_date=NOW.date(),
            at=NOW,
            transfers=[
                Transfer(FUNDER, AccountKind.FUNDER_RECEIVABLE, AccountKind.AVAILABLE, amount_fen)
            ],
        )


@pytest.mark.django_db
def test_an_event_holds_who_what_when_and_why() -> None:
    user = staff_make()
    before = wall()
    event = audit_record(
        action="campaign.pause",
        subject_type="campaign",
        subject_id=CAMPAIGN,
        now=NOW,
        actor=user,
        owner_region="450000",
        reason="核查",
        data={"old": "LIVE", "new": "PAUSED", "at": NOW},
    )
    event.refresh_from_db()
    assert event.at == NOW
    assert before <= event.recorded_at <= wall()
    assert (event.actor, event.action, event.owner_region) == (user, "campaign.pause", "450000")
    assert (event.subject_type, event.subject_id) == ("campaign", str(CAMPAIGN))
    assert event.data == {"old": "LIVE", "new": "PAUSED", "at": "2024-03-30T09:00:00+08:00"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement", ["UPDATE core_auditevent SET reason = 'x'", "DELETE FROM core_auditevent"]
)
def test_the_application_cannot_change_the_log(statement: str) -> None:
    event_record(1)
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db
def test_events_and_postings_are_chained_in_order_and_once() -> None:
    first, second = event_record(1), event_record(2)
    budget_post()
    budget_post()
    assert audit_chain_append() == 3
    assert audit_chain_append() == 0
    links = list(AuditLink.objects.order_by("seq"))
    assert [link.seq for link in links] == [1, 2, 3]
    assert [link.event_id for link in links] == [first.pk, second.pk, None]
    assert links[0].previous == "0" * 64
    for before, link in zip([None, *links], links, strict=False):
        assert link.previous == (before.chained if before else "0" * 64)
        assert link.chained == chain_hash(link.seq, link.previous, link.digest)
    assert audit_chain_verify() is None


@pytest.mark.django_db
def test_intervals_of_postings_are_bounded_and_leave_nothing_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(services, "POSTINGS_PER_LINK", 2)
    for _ in range(5):
        budget_post()
    assert audit_chain_append() == 3
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM core_posting ORDER BY id")
        ids = [row[0] for row in cursor.fetchall()]
    ends = list(AuditLink.objects.order_by("seq").values_list("postings_until", flat=True))
    assert ends == [ids[1], ids[3], ids[4]]
    assert audit_chain_verify() is None


@pytest.mark.broken_books
@pytest.mark.parametrize(
    ("statement", "table", "broken"),
    [
        ("UPDATE core_auditevent SET reason = 'x' WHERE subject_id = '2'", "core_auditevent", 2),
        (
            "UPDATE core_auditevent SET data = '{}' WHERE subject_id = '1'",
            "core_auditevent",
            1,
        ),
        ("UPDATE core_auditlink SET digest = repeat('a', 64) WHERE seq = 3", "core_auditlink", 3),
        ("DELETE FROM core_auditlink WHERE seq = 2", "core_auditlink", 3),
        ("UPDATE core_entry SET business_date = '2024-01-01'", "core_entry", 4),
    ],
)
def test_a_change_behind_the_chain_is_found(
    own_database: ServiceUrls, statement: str, table: str, broken: int
) -> None:
    for number in (1, 2, 3):
        event_record(number)
    budget_post()
    assert audit_chain_append() == 4
    assert audit_chain_verify() is None
    corrupt(statement, disable=[table])
    assert audit_chain_verify() == broken


@pytest.mark.broken_books
def test_postings_of_a_transaction_under_way_wait_for_their_number(
    own_database: ServiceUrls,
) -> None:
    """A smaller number that commits later would fall behind the last digest unseen."""
    posted, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction():
            entry_post(
                code=EntryCode.BUDGET,
                campaign_id=CAMPAIGN,
                source_key="slow",
                business_date=NOW.date(),
                at=NOW,
                transfers=[
                    Transfer(UUID(int=9), AccountKind.FUNDER_RECEIVABLE, AccountKind.AVAILABLE, 1)
                ],
            )
            posted.set()
            done.wait(20)
        connections.close_all()

    slow = threading.Thread(target=hold)
    slow.start()
    try:
        assert posted.wait(10)
        budget_post()
        assert audit_chain_append() == 0
    finally:
        done.set()
        slow.join()
    assert audit_chain_append() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id), count(*) FROM core_posting")
        highest, count = cursor.fetchone()
    assert count == 2
    assert AuditLink.objects.get().postings_until == highest
    assert audit_chain_verify() is None


def test_two_writers_at_once_make_one_chain(own_database: ServiceUrls) -> None:
    for number in range(20):
        event_record(number)
    written: list[int] = []

    def work() -> None:
        written.append(audit_chain_append())
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(written) == 20
    assert AuditLink.objects.count() == 20
    assert audit_chain_verify() is None
