"""Collects commands while commits are under way, and hands them to flushers in groups.

Nothing waits for a group to fill: whenever a flusher is free, everything that waits goes, up to the
size that keeps commits short. A timer only tells those who have waited too long. A caller is
answered only after the commit of his group (architecture.md, Group commit).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Generic, TypeVar

import structlog
from django.db import connections

from core.commit.groups import group_decide
from core.commit.metrics import CommitMetrics
from core.errors import DomainError

C = TypeVar("C")
A = TypeVar("A")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CommitLimits:
    """How a batcher behaves; times in seconds."""

    flushers: int = 1
    """Groups in flight. One keeps the order of arrival and makes larger groups; a second one in
    the same interpreter was measured to win nothing. More processes give more lanes."""
    capacity: int = 2_048
    """Commands that may wait; the next one is refused."""
    wait_s: float = 5.0
    """How long a command may wait for a flusher, even if none gets free."""
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

    ``decide`` gets commands in order of arrival and returns answers in the same order; it runs in
    a thread of its own connection.
    """

    def __init__(
        self,
        name: str,
        decide: Callable[[Sequence[C]], Sequence[A]],
        limits: CommitLimits | None = None,
    ) -> None:
        """Take the service; nothing runs before the first command."""
        self.limits = limits or CommitLimits()
        self.metrics = CommitMetrics(name)
        self._decide = decide
        self._queue: deque[_Waiting[C, A]] = deque()
        self.metrics.waiting_is(self._queue.__len__)
        self._flushing: list[list[_Waiting[C, A]]] = []
        self._sweep: asyncio.TimerHandle | None = None
        self._size = self.limits.least
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._threads = ThreadPoolExecutor(self.limits.flushers, thread_name_prefix=name)

    async def submit(self, command: C) -> A:
        """Return the answer once the command's group is committed.

        A caller who goes away changes nothing: the command is decided all the same.

        Raises:
            OverloadedError: refused before anything was done.
            DomainError: what the service raised for this command.
        """
        if self._closing or len(self._queue) >= self.limits.capacity:
            self.metrics.refused()
            raise OverloadedError
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(command, answer, monotonic())
        self._queue.append(waiting)
        self._idle.clear()
        self._pump()
        self._sweep_plan()
        return await waiting.answer

    async def close(self) -> None:
        """Refuse what comes from now on; answer everybody who was accepted, or refuse him."""
        self._closing = True
        try:
            await asyncio.wait_for(self._idle.wait(), self.limits.grace_s)
        except TimeoutError:
            # Nobody knows what becomes of a group in flight; the caller's key will tell.
            for waiting in [*self._queue, *(one for group in self._flushing for one in group)]:
                self._refuse(waiting)
            self._queue.clear()
        if self._sweep is not None:
            self._sweep.cancel()
        for _ in range(self.limits.flushers):
            self._threads.submit(connections.close_all)
        self._threads.shutdown(wait=False)

    def _pump(self) -> None:
        """Give waiting commands to free flushers."""
        while self._queue and len(self._flushing) < self.limits.flushers:
            group = self._take()
            if not group:
                break
            self._flushing.append(group)
            commands = [one.command for one in group]
            started = monotonic()
            flushed = asyncio.get_running_loop().run_in_executor(
                self._threads, group_decide, self._decide, commands
            )
            flushed.add_done_callback(partial(self._flushed, group, started))
        if not self._queue and not self._flushing:
            self._idle.set()

    def _take(self) -> list[_Waiting[C, A]]:
        self._expire()
        return [self._queue.popleft() for _ in range(min(self._size, len(self._queue)))]

    def _flushed(
        self,
        group: list[_Waiting[C, A]],
        started: float,
        flushed: "asyncio.Future[list[A | DomainError]]",
    ) -> None:
        self._flushing = [one for one in self._flushing if one is not group]
        took_s = monotonic() - started
        self.metrics.committed(len(group), took_s)
        self._adapt(len(group), took_s)
        broken = flushed.exception()
        if broken is not None:
            log.error("commit_flusher_failed", exc_info=broken)
        answers: Sequence[A | DomainError] = (
            [DomainError("infra.internal_error") for _ in group] if broken else flushed.result()
        )
        for waiting, answer in zip(group, answers, strict=True):
            if waiting.answer.done():
                continue
            if isinstance(answer, DomainError):
                waiting.answer.set_exception(answer)
            else:
                waiting.answer.set_result(answer)
        self._pump()

    def _adapt(self, taken: int, took_s: float) -> None:
        """Shrink groups when commits get slow, let them grow while full ones are quick."""
        if took_s > self.limits.target_s:
            self._size = max(self.limits.least, self._size // 2)
        elif taken >= self._size:
            self._size = min(self.limits.most, self._size * 2)

    def _sweep_plan(self) -> None:
        """See to it that whoever waits too long is told so, though no flusher comes free."""
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
