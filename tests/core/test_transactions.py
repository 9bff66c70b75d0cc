"""Transactions: outermost, limited in time, retried as a whole."""

import threading
from collections.abc import Callable

import psycopg
import pytest
from django.contrib.sessions.models import Session
from django.db import DataError, OperationalError, connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.embedded.record import ServiceUrls
from core.errors import DomainError
from core.transactions import (
    conflict_state,
    retry_conflicts,
    statement_alone,
    transaction,
    transaction_is_open,
    transaction_joined,
    transaction_required,
)


def setting(name: str) -> str:
    """Return a setting of the present connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        return str(cursor.fetchone()[0])


def session_row(key: str) -> Session:
    """Write a row."""
    return Session.objects.create(session_key=key, session_data="", expire_date=timezone.now())


def conflict(state: str) -> OperationalError:
    """Make the error Django raises for a SQLSTATE."""
    error = OperationalError("conflict")
    error.__cause__ = psycopg.errors.lookup(state)("conflict")
    return error


def test_time_outs_end_with_the_transaction(own_database: ServiceUrls) -> None:
    before = setting("lock_timeout"), setting("statement_timeout")
    with transaction(lock_timeout_ms=1234, statement_timeout_ms=5678):
        assert (setting("lock_timeout"), setting("statement_timeout")) == ("1234ms", "5678ms")
        assert transaction_is_open()
    assert (setting("lock_timeout"), setting("statement_timeout")) == before
    assert not transaction_is_open()


def test_a_statement_alone_is_a_transaction_in_one_message(own_database: ServiceUrls) -> None:
    limits = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
    before = setting("lock_timeout"), setting("statement_timeout")
    with CaptureQueriesContext(connection) as sent:
        assert statement_alone(limits, [], lock_timeout_ms=1234) == [("1234ms", "30s")]
    assert len(sent) == 1
    assert (setting("lock_timeout"), setting("statement_timeout")) == before
    insert = (
        "INSERT INTO django_session VALUES (%s, '', now()) RETURNING session_key, 1 / (%s::int)"
    )
    with pytest.raises(DataError):
        statement_alone(insert, ["a", 0])
    assert statement_alone(insert, ["b", 1]) == [("b", 1)]
    assert list(Session.objects.values_list("pk", flat=True)) == ["b"]


def test_a_statement_alone_joins_the_callers_transaction(own_database: ServiceUrls) -> None:
    def work() -> None:
        with transaction(lock_timeout_ms=777):
            sql = "INSERT INTO django_session VALUES ('a', '', now()) RETURNING session_key"
            assert statement_alone(sql, []) == [("a",)]
            assert setting("lock_timeout") == "777ms"
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        work()
    assert not Session.objects.exists()


@pytest.mark.django_db
def test_a_transaction_cannot_be_nested_but_joined() -> None:
    with transaction():
        with transaction_joined():
            transaction_required()
        with pytest.raises(RuntimeError, match="durable"), transaction():
            pass


@pytest.mark.django_db
def test_without_a_transaction_joined_opens_one_and_required_refuses() -> None:
    with pytest.raises(RuntimeError, match="caller's transaction"):
        transaction_required()
    with transaction_joined():
        transaction_required()
        assert setting("lock_timeout") == "3s"


def test_an_error_undoes_everything(own_database: ServiceUrls) -> None:
    def work() -> None:
        with transaction():
            session_row("a")
            with transaction_joined():
                session_row("b")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        work()
    assert Session.objects.count() == 0


@pytest.mark.parametrize("state", ["40001", "40P01"])
@pytest.mark.django_db
def test_a_conflict_is_tried_again(state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("core.transactions.time.sleep", pauses.append)
    failures = [conflict(state), conflict(state)]

    @retry_conflicts
    def work(value: int) -> int:
        with transaction():
            if failures:
                raise failures.pop()
        return value

    assert work(7) == 7
    assert len(pauses) == 2
    assert 0.025 <= pauses[0] <= 0.075
    assert 0.05 <= pauses[1] <= 0.15


@pytest.mark.django_db
def test_a_lock_time_out_has_waited_long_and_is_tried_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("core.transactions.time.sleep", pauses.append)
    failures = [conflict("55P03")]

    @retry_conflicts
    def work() -> int:
        with transaction():
            if failures:
                raise failures.pop()
        return 7

    assert work() == 7
    failures = [conflict("55P03"), conflict("55P03")]
    with pytest.raises(DomainError) as refused:
        work()
    assert (refused.value.code, len(pauses)) == ("infra.try_later", 2)


@pytest.mark.django_db
def test_after_four_conflicts_the_caller_is_asked_to_try_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.transactions.time.sleep", lambda _pause: None)
    attempts = 0

    @retry_conflicts
    def work() -> None:
        nonlocal attempts
        attempts += 1
        raise conflict("40P01")

    with pytest.raises(DomainError) as caught:
        work()
    assert (caught.value.code, caught.value.status, attempts) == ("infra.try_later", 503, 4)


@pytest.mark.parametrize(
    ("make", "expected"), [(lambda: conflict("57014"), OperationalError), (ValueError, ValueError)]
)
@pytest.mark.django_db
def test_other_errors_are_not_repeated(
    make: Callable[[], Exception], expected: type[Exception]
) -> None:
    attempts = 0

    @retry_conflicts
    def work() -> None:
        nonlocal attempts
        attempts += 1
        raise make()

    with pytest.raises(expected):
        work()
    assert attempts == 1


@pytest.mark.django_db
def test_inside_another_transaction_nothing_is_repeated() -> None:
    attempts = 0

    @retry_conflicts
    def work() -> None:
        nonlocal attempts
        attempts += 1
        raise conflict("40001")

    with pytest.raises(OperationalError), transaction():
        work()
    assert attempts == 1


def test_a_real_lock_time_out_is_a_conflict(own_database: ServiceUrls) -> None:
    session_row("row")
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction():
            Session.objects.select_for_update().get(session_key="row")
            holding.set()
            done.wait(20)
        connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert holding.wait(10)
        with pytest.raises(OperationalError) as caught, transaction(lock_timeout_ms=50):
            Session.objects.select_for_update().get(session_key="row")
        assert conflict_state(caught.value) == "55P03"
    finally:
        done.set()
        holder.join()


def test_two_transactions_that_deadlock_both_end_well(own_database: ServiceUrls) -> None:
    session_row("1")
    session_row("2")
    meet = threading.Barrier(2)
    attempts: list[str] = []

    @retry_conflicts
    def work(first: str, second: str) -> None:
        with transaction(lock_timeout_ms=20_000):
            attempts.append(first)
            Session.objects.filter(session_key=first).update(session_data=first)
            if attempts.count(first) == 1:
                meet.wait(10)
            Session.objects.filter(session_key=second).update(session_data=first)

    def run(first: str, second: str) -> None:
        work(first, second)
        connections.close_all()

    threads = [
        threading.Thread(target=run, args=("1", "2")),
        threading.Thread(target=run, args=("2", "1")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(attempts) == 3
    assert len(set(Session.objects.values_list("session_data", flat=True))) == 1
