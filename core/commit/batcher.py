"""Collects commands while commits are under way, and has them decided in groups.

Nothing waits for a group to fill: whenever a group is answered, everything that waits goes, up to
the size that keeps commits short. A timer only tells those who have waited too long. A caller is
answered only after the commit of his group (architecture.md, Group commit).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, Generic, TypeVar

import structlog

from core.commit.metrics import CommitMetrics
from core.errors import DomainError

C = TypeVar("C")
A = TypeVar("A")
Decided = Callable[[Sequence[A] | Exception], None]
"""Takes a group's answers, in the order of its commands, or the error that is everybody's."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CommitLimits:
    """How a batcher behaves; times in seconds."""

    in_flight: int = 1
    """Groups being decided at once. One keeps the order of arrival and makes larger groups; a
    second one was measured to win nothing. More fronts give more lanes."""
    capacity: int = 2_048
    """Commands that may wait; the next one is refused."""
    wait_s: float = 5.0
    """How long a command may wait for its group, even if none is answered meanwhile."""
    least: int = 16
    most: int = 256
    target_s: float = 0.1
    """A commit above this halves the size of the next groups."""
    grace_s: float = 12.0
    """How long a shutdown waits for what was accepted; less than its supervisor's patience."""


class OverloadedError(DomainError):
    """Too much waits already, or the process is going away: nothing was done, come again."""

    code = "infra.try_later"


@dataclass(slots=True)
class _Waiting(Generic[C, A]):
    command: C
    answer: "asyncio.Future[A]"
    since: float


class GroupCommit(Generic[C, A]):
    """A queue in front of one set-based service; lives on one event loop.

    ``decide`` gets commands in order of arrival, and what to call on the loop once they are
    committed. The next group goes at that very moment: as a future, its news would wait for
    whatever else the loop has to do, and the service with it.
    """

    def __init__(
        self,
        name: str,
        decide: Callable[[Sequence[C], Decided[A]], None],
        limits: CommitLimits | None = None,
    ) -> None:
        """Take the service; nothing runs before the first command."""
        self.limits = limits or CommitLimits()
        self.metrics = CommitMetrics(name)
        self._decide = decide
        self._queue: deque[_Waiting[C, A]] = deque()
        self.metrics.waiting_is(self._queue.__len__)
        self._deciding: list[list[_Waiting[C, A]]] = []
        self._sweep: asyncio.TimerHandle | None = None
        self._size = self.limits.least
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def submit(self, command: C) -> A:
        """Return the answer once the command's group is committed.

        A caller who goes away changes nothing: the command is decided all the same.

        Raises:
            OverloadedError: refused before anything was done.
            DomainError: what the service raised for the group.
        """
        if self._closing or len(self._queue) >= self.limits.capacity:
            self.metrics.refused()
            raise OverloadedError
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(command, answer, monotonic()))
        self._idle.clear()
        if len(self._deciding) < self.limits.in_flight:
            self._pump()
        if self._sweep is None:
            self._sweep_plan()
        return await answer

    async def close(self) -> None:
        """Refuse what comes from now on; answer everybody who was accepted, or refuse him."""
        self._closing = True
        try:
            await asyncio.wait_for(self._idle.wait(), self.limits.grace_s)
        except TimeoutError:
            # Nobody knows what becomes of a group in flight; the caller's key will tell.
            for waiting in [*self._queue, *(one for group in self._deciding for one in group)]:
                self._refuse(waiting)
            self._queue.clear()
        if self._sweep is not None:
            self._sweep.cancel()

    def _pump(self) -> None:
        """Have waiting commands decided, if that may begin."""
        while self._queue and len(self._deciding) < self.limits.in_flight:
            group = self._take()
            if not group:
                break
            self._deciding.append(group)
            decided = partial(self._decided, group, monotonic())
            self._decide([one.command for one in group], decided)
        if not self._queue and not self._deciding:
            self._idle.set()

    def _take(self) -> list[_Waiting[C, A]]:
        self._expire()
        return [self._queue.popleft() for _ in range(min(self._size, len(self._queue)))]

    def _decided(
        self, group: list[_Waiting[C, A]], started: float, said: Sequence[A] | Exception
    ) -> None:
        self._deciding = [one for one in self._deciding if one is not group]
        took_s = monotonic() - started
        self.metrics.committed(len(group), took_s)
        self._adapt(len(group), took_s)
        # First what keeps the service busy, then the callers.
        self._pump()
        # Nothing may be thrown here: it would end the connection that brings the answers.
        if not isinstance(said, Sequence) or len(said) != len(group):
            error = _error_of(said, len(group))
            for waiting in group:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
        else:
            for waiting, answer in zip(group, said, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(answer)

    def _adapt(self, taken: int, took_s: float) -> None:
        """Shrink groups when commits get slow, let them grow while full ones are quick."""
        if took_s > self.limits.target_s:
            self._size = max(self.limits.least, self._size // 2)
        elif taken >= self._size:
            self._size = min(self.limits.most, self._size * 2)

    def _sweep_plan(self) -> None:
        """See to it that whoever waits too long is told so, though no group is answered."""
        if self._sweep is None and self._queue:
            left_s = self._queue[0].since + self.limits.wait_s - monotonic()
            loop = asyncio.get_running_loop()
            self._sweep = loop.call_later(max(left_s, 0.001), self._sweep_now)

    def _sweep_now(self) -> None:
        self._sweep = None
        self._expire()
        self._sweep_plan()

    def _expire(self) -> None:
        """Refuse whoever has waited too long; they stand in order of arrival."""
        latest = monotonic() - self.limits.wait_s
        while self._queue and self._queue[0].since <= latest:
            self._refuse(self._queue.popleft())

    def _refuse(self, waiting: _Waiting[C, A]) -> None:
        self.metrics.refused()
        if not waiting.answer.done():
            waiting.answer.set_exception(OverloadedError())


def _error_of(said: Sequence[Any] | Exception, expected: int) -> DomainError:
    """Return what everybody of a group is told instead of an answer."""
    if isinstance(said, DomainError):
        return said
    if not isinstance(said, Exception):
        found = len(said) if isinstance(said, Sequence) else type(said).__name__
        said = AssertionError(f"{found} answers to {expected} commands")
    log.error("commit_group_failed", exc_info=said)
    return DomainError("infra.internal_error")
