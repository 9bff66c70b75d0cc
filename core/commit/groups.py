"""Deciding a group so that one bad command spoils nobody else's answer.

Runs in a flusher's thread with a database connection of its own. Every command carries an
idempotency key, so a group may be decided again: what was committed answers as a replay.
"""

import random
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError, connections

from core.errors import DomainError
from core.errors.translate import domain_error_of

C = TypeVar("C")
A = TypeVar("A")
R = TypeVar("R")

RECONNECTS = 3
PAUSE_S = 0.05
log = structlog.get_logger(__name__)


def group_decide(
    decide: Callable[[Sequence[C]], Sequence[A]], commands: Sequence[C]
) -> list[A | DomainError]:
    """Return an answer per command: what ``decide`` says, or the error that stands for it.

    A lost connection is made anew and the group decided again: nobody knows whether the commit
    under way took place, the keys do. A group that fails for another reason is halved until the
    command that spoils it is alone. A contended database is nobody's fault: all may try later.
    """
    try:
        return list(call_connected(decide, commands))
    except Exception as error:
        known = domain_error_of(error)
        if known is not None and known.code == "infra.try_later":
            return [known] * len(commands)
        if len(commands) > 1:
            middle = len(commands) // 2
            return group_decide(decide, commands[:middle]) + group_decide(decide, commands[middle:])
        if known is None:
            log.exception("commit_command_failed", kind=type(error).__name__)
        return [known or DomainError("infra.internal_error")]


def call_connected(function: Callable[..., R], *arguments: object) -> R:
    """Call a function that may be repeated; again on a new connection when its own is lost."""
    for attempt in range(RECONNECTS):
        try:
            return function(*arguments)
        except (OperationalError, InterfaceError):
            lost = _connection_lost()
            if not lost or attempt == RECONNECTS - 1:
                raise
            log.warning("commit_connection_lost", attempt=attempt + 1)
        except DatabaseError:
            _connection_lost()
            raise
        time.sleep(PAUSE_S * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311 - spreads them
    raise AssertionError("unreachable")


def _connection_lost() -> bool:
    """Close a connection that is of no use any more, so that the next query makes a new one."""
    connection = connections["default"]
    if connection.connection is None:
        return True
    if connection.is_usable():
        return False
    connection.close()
    return True
