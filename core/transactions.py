"""One way to open a transaction: outermost, with time-outs, and retried as a whole on conflicts.

A use case is one transaction. `transaction` opens it and refuses to be nested, `transaction_joined`
is for a service that another one may call inside its own, `transaction_required` asserts that the
caller opened one. Locks inside follow the one lock order of architecture.md.
"""

import functools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from django.db import IntegrityError, InterfaceError, OperationalError, connection, connections
from django.db import transaction as django_transaction

from core.errors import DomainError
from core.errors.translate import constraint_of, sqlstate_of

P = ParamSpec("P")
R = TypeVar("R")

LOCK_TIMEOUT_MS = 3_000
STATEMENT_TIMEOUT_MS = 30_000
IDLE_TIMEOUT_MS = 60_000
"""A client that vanished in the middle must not keep its locks."""
ATTEMPTS = 4
LOCK_ATTEMPTS = 2
"""A lock time-out has waited long already; once more, then the caller should come back later."""
BACKOFF_S = 0.05
BACKOFF_MAX_S = 1.0
LOCK_TIMED_OUT = "55P03"
CONFLICTS = frozenset({"40001", "40P01", LOCK_TIMED_OUT})
"""SQLSTATEs of serialisation failure, deadlock and lock time-out: the same call may succeed."""

_LIMITS = (
    "SELECT set_config('lock_timeout', %s, true),"
    " set_config('statement_timeout', %s, true),"
    " set_config('idle_in_transaction_session_timeout', %s, true)"
)


@contextmanager
def transaction(
    *,
    lock_timeout_ms: int = LOCK_TIMEOUT_MS,
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
    using: str = "default",
) -> Iterator[None]:
    """Run the block in a transaction of its own, with time-outs that end with it.

    Raises:
        RuntimeError: a transaction is open already, so leaving the block would not commit.
    """
    with django_transaction.atomic(using=using, durable=True):
        _limit(using, lock_timeout_ms, statement_timeout_ms)
        yield


@contextmanager
def transaction_read_only(*, using: str = "default") -> Iterator[None]:
    """Run the block in a transaction of its own that the database lets write nothing.

    Raises:
        RuntimeError: a transaction is open already.
    """
    with transaction(using=using):
        with connections[using].cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        yield


@contextmanager
def transaction_joined(
    *, using: str = "default", lock_timeout_ms: int = LOCK_TIMEOUT_MS
) -> Iterator[None]:
    """Run the block in the caller's transaction if there is one, else in one of its own.

    Joining makes no savepoint: an error in the block undoes the caller's work too.
    """
    if transaction_is_open(using=using):
        yield
    else:
        with transaction(using=using, lock_timeout_ms=lock_timeout_ms):
            yield


def statement_alone(
    sql: str, params: Sequence[Any], *, lock_timeout_ms: int = LOCK_TIMEOUT_MS
) -> list[tuple[Any, ...]]:
    """Return the rows of one statement that is a transaction of its own.

    Time-outs, statement and commit are one message: what would be four round trips of a hot
    call is one. Inside an open transaction the statement is part of that.
    """
    if connection.in_atomic_block:
        with transaction_joined(lock_timeout_ms=lock_timeout_ms):
            return _last_rows(sql, params)
    if not connection.get_autocommit():
        raise RuntimeError("nobody would commit this statement")
    limits = _limits(lock_timeout_ms, STATEMENT_TIMEOUT_MS)
    try:
        return _last_rows(f"{_LIMITS}; {sql}", [*limits, *params])
    except (OperationalError, InterfaceError):
        # As the end of a transaction does: a dead connection is made anew by the next statement.
        connection.close_if_unusable_or_obsolete()
        raise


def _last_rows(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        while cursor.nextset():
            pass
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def transaction_required(*, using: str = "default") -> None:
    """Assert that the caller opened a transaction.

    Raises:
        RuntimeError: none is open, so a failure half-way would leave half the work.
    """
    if not transaction_is_open(using=using):
        raise RuntimeError("this must run inside the caller's transaction")


def transaction_is_open(*, using: str = "default") -> bool:
    """Tell whether the code under way opened a transaction; a test's own frame does not count."""
    blocks = connections[using].atomic_blocks
    return any(not getattr(block, "_from_testcase", False) for block in blocks)


def conflict_state(error: BaseException | None) -> str | None:
    """Return the SQLSTATE of a conflict that a retry may solve, else None."""
    state = sqlstate_of(error)
    return state if state in CONFLICTS else None


def retry_conflicts(function: Callable[P, R]) -> Callable[P, R]:
    """Repeat a function that opens its own transaction when it loses a conflict.

    Deadlock, lock time-out and serialisation failure are tried again a few times with a growing
    random pause, then answered by ``infra.try_later``. Inside another transaction nothing is
    retried: the outermost call does that, since its work is undone as well.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        if transaction_is_open():
            return function(*args, **kwargs)
        for attempt in range(ATTEMPTS):
            try:
                return function(*args, **kwargs)
            except OperationalError as error:
                state = conflict_state(error)
                if state is None:
                    raise
                most = LOCK_ATTEMPTS if state == LOCK_TIMED_OUT else ATTEMPTS
                if attempt >= most - 1:
                    raise DomainError("infra.try_later") from error
            pause_s = min(BACKOFF_S * 2**attempt, BACKOFF_MAX_S)
            time.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311 - spreads the losers
        raise AssertionError("unreachable")

    return wrapper


def retry_races(*constraints: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that decides again when another call was first at that moment.

    The constraints say so: the second time the other's row is known, so that the answer is a replay
    or a refusal. Inside another transaction nothing is retried.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except IntegrityError as error:
                if constraint_of(error) not in constraints or transaction_is_open():
                    raise
            return function(*args, **kwargs)

        return wrapper

    return decorate


def _limit(using: str, lock_timeout_ms: int, statement_timeout_ms: int) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute(_LIMITS, _limits(lock_timeout_ms, statement_timeout_ms))


def _limits(lock_timeout_ms: int, statement_timeout_ms: int) -> list[str]:
    return [str(lock_timeout_ms), str(statement_timeout_ms), str(IDLE_TIMEOUT_MS)]
