"""Deciding a group so that one bad command spoils nobody else's answer.

Runs in a thread with a database connection of its own. Every command carries an
idempotency key, so a group may be decided again: what was committed answers as a replay.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog
from django.core.exceptions import ImproperlyConfigured
from django.db import (
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    connections,
)

from core.errors import DomainError
from core.errors.translate import domain_error_of

C = TypeVar("C")
A = TypeVar("A")
R = TypeVar("R")

RECONNECTS = 3
PAUSE_S = 0.05
TRIES = 40
"""Calls of the service per group: enough to find two or three bad commands among 256."""
CHECK_S = 1.0
"""How often an idle or old connection is looked at; between two groups of a wave it is neither."""
_NOBODYS_FAULT = (
    OperationalError,
    InterfaceError,
    InternalError,
    ProgrammingError,
    NotSupportedError,
    ImproperlyConfigured,
)
log = structlog.get_logger(__name__)


class _Checked(threading.local):
    """When this thread last looked at its connection."""

    at: float = float("-inf")


_checked = _Checked()


@dataclass(slots=True)
class _Tries:
    """How often the service may still be called for a group."""

    left: int = TRIES


def group_decide(
    decide: Callable[[Sequence[C]], Sequence[A]], commands: Sequence[C]
) -> list[A | DomainError]:
    """Return an answer per command: what ``decide`` says, or the error that stands for it.

    A lost connection is made anew and the group decided again: nobody knows whether the commit
    under way took place, the keys do. A group that fails by its content is halved until the
    command that spoils it is alone. A fault of the database or the settings is no command's: all
    get the same answer.
    """
    return _decided(decide, commands, _Tries())


def _decided(
    decide: Callable[[Sequence[C]], Sequence[A]], commands: Sequence[C], tries: _Tries
) -> list[A | DomainError]:
    if tries.left == 0:
        return [DomainError("infra.internal_error") for _ in commands]
    tries.left -= 1
    try:
        answers = call_connected(decide, commands)
        if len(answers) != len(commands):
            raise AssertionError(f"{len(answers)} answers to {len(commands)} commands")
        return list(answers)
    except Exception as error:
        known = domain_error_of(error)
        systemic = isinstance(error, _NOBODYS_FAULT) or (
            known is not None and known.code == "infra.try_later"
        )
        if not systemic and len(commands) > 1:
            middle = len(commands) // 2
            return _decided(decide, commands[:middle], tries) + _decided(
                decide, commands[middle:], tries
            )
        if known is None:
            log.exception("commit_failed", kind=type(error).__name__, commands=len(commands))
        code = known.code if known else "infra.internal_error"
        return [known if known and not systemic else DomainError(code) for _ in commands]


def call_connected(function: Callable[..., R], *arguments: object) -> R:
    """Call a function that may be repeated; again on a new connection when its own is lost."""
    _connection_check()
    for attempt in range(RECONNECTS):
        try:
            return function(*arguments)
        except (OperationalError, InterfaceError) as error:
            lost = _connection_lost()
            if lost:
                # Callers are told to try later; only here is said why, e.g. a wrong password.
                reason = str(error).partition("\n")[0]
                log.warning("commit_connection_lost", attempt=attempt + 1, reason=reason)
            if not lost or attempt == RECONNECTS - 1:
                raise
        except InternalError:
            # E.g. a server that became a read-only standby: the next session finds the new one.
            connections["default"].close()
            raise
        time.sleep(PAUSE_S * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311 - spreads them
    raise AssertionError("unreachable")


def _connection_check() -> None:
    """Close a connection that is too old, or broke while nobody asked.

    No request signal does this here. It costs a round trip, and a connection that breaks between
    two checks is made anew by its first statement.
    """
    connection, now = connections["default"], time.monotonic()
    is_due = connection.errors_occurred or now - _checked.at >= CHECK_S
    if is_due and not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
        _checked.at = now


def _connection_lost() -> bool:
    """Close a connection that is of no use any more, so that the next query makes a new one."""
    connection = connections["default"]
    if connection.connection is None:
        return True
    if connection.is_usable():
        return False
    connection.close()
    return True
