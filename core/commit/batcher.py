"""Collects commands while commits are under way, and has them decided in groups.

Nothing waits for a group to fill: whenever a group is answered, everything that waits goes, up to
the size that keeps commits short. A timer only tells those who have waited too long. A caller is
answered only after the commit of his group (architecture.md, Group commit).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, Generic, TypeVar

import structlog

from core.commit.metrics import CommitMetrics
from core.errors import DomainError

C = TypeVar("C")
A = TypeVar("A")
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

    ``decide`` gets commands in order of arrival and returns answers in the same order, once they
    are committed; what it raises is everybody's answer.
    """

    def __init__(
        self,
        name: str,
        decide: Callable[[Sequence[C]], Awaitable[Sequence[A]]],
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
            decided = asyncio.ensure_future(self._decide([one.command for one in group]))
            decided.add_done_callback(partial(self._decided, group, monotonic()))
        if not self._queue and not self._deciding:
            self._idle.set()

    def _take(self) -> list[_Waiting[C, A]]:
        self._expire()
        return [self._queue.popleft() for _ in range(min(self._size, len(self._queue)))]

    def _decided(
        self, group: list[_Waiting[C, A]], started: float, decided: "asyncio.Future[Sequence[A]]"
    ) -> None:
        self._deciding = [one for one in self._deciding if one is not group]
        took_s = monotonic() - started
        self.metrics.committed(len(group), took_s)
        self._adapt(len(group), took_s)
        error = _error_of(decided, len(group))
        if error is not None:
            for waiting in group:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
        else:
            for waiting, answer in zip(group, decided.result(), strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(answer)
        self._pump()

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


def _error_of(decided: "asyncio.Future[Sequence[Any]]", expected: int) -> DomainError | None:
    """Return what everybody of a group is told instead of an answer, if anything."""
    broken = decided.exception()
    if isinstance(broken, DomainError):
        return broken
    if broken is None and len(decided.result()) != expected:
        broken = AssertionError(f"{len(decided.result())} answers to {expected} commands")
    if broken is not None:
        log.error("commit_group_failed", exc_info=broken)
        return DomainError("infra.internal_error")
    return None
