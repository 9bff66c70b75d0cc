"""What a front knows of the process that decides for it: started, asked, started again."""

import asyncio
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog

from core.commit.batcher import Decided, OverloadedError
from core.commit.frames import FrameReader, frame_bytes

START_S: Final = 60.0
"""How long the process may take until it is ready."""
PATIENCE_S: Final = 5.0
"""How long a group waits while a process that ended is started again."""
ANSWER_S: Final = 12.0
"""How long the answer to a group is waited for. A server that ends waits for its callers first, and
only then closes what they wait for: a stuck service would keep both for ever."""
LEAVE_S: Final = 6.0
"""How long it may take to end what it had under way when its front went; with the seconds above, or
those of a batcher (`CommitLimits.grace_s`), less than a supervisor's patience."""
PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 5.0
log = structlog.get_logger(__name__)


class DeciderError(Exception):
    """The process did not come up."""


@dataclass(frozen=True, slots=True)
class DeciderSpec:
    """How to run it; its standard input is the socket."""

    argv: Sequence[str]
    cwd: Path


class _Link(asyncio.Protocol):
    """The socket to one process, and the groups it was asked for."""

    def __init__(self, up: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        self._up = up
        self.ready: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()
        self._asked: dict[int, Decided[Any]] = {}
        self._reader = FrameReader()
        self._number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        for frame in self._reader.feed(data):
            if frame.number == 0:
                self.ready.set_result(None)
                continue
            decided = self._asked.pop(frame.number, None)
            if decided is None:
                continue  # nobody waits any more
            said: Sequence[Any] | Exception
            try:
                said = frame.value()
            except Exception as error:  # one whom nobody answers would wait without end
                said = error
            decided(said)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody knows what became of the groups under way; the callers' keys will tell."""
        del exc
        # First of all: who is told asks for the next group at once, and that may wait.
        self._up.clear()
        for waiting in (self.ready, self.lost):
            if not waiting.done():
                waiting.set_result(None)
        under_way, self._asked = list(self._asked.values()), {}
        for decided in under_way:
            decided(OverloadedError())

    def ask(self, name: str, commands: Sequence[Any], decided: Decided[Any]) -> None:
        """Send a group; ``decided`` is called once, later."""
        loop = asyncio.get_running_loop()
        try:
            self._number += 1
            frame = frame_bytes(self._number, name, commands)
        except Exception as error:  # e.g. what cannot be spelled
            loop.call_soon(decided, error)
            return
        number = self._number
        timer = loop.call_later(ANSWER_S, self._expire, number, name, len(commands))

        def landed(said: Sequence[Any] | Exception) -> None:
            timer.cancel()
            decided(said)

        self._asked[number] = landed
        self.transport.write(frame)

    def _expire(self, number: int, name: str, commands: int) -> None:
        log.error("group_not_answered", service=name, commands=commands)
        self._asked.pop(number)(OverloadedError())


@dataclass(slots=True)
class Decider:
    """The deciding process of one front; lives on the front's event loop."""

    spec: DeciderSpec
    process: "subprocess.Popen[bytes] | None" = None
    _link: _Link | None = None
    _up: asyncio.Event = field(default_factory=asyncio.Event)
    _watch: "asyncio.Task[None] | None" = None
    _waiting: "set[asyncio.Task[None]]" = field(default_factory=set)
    """Groups that wait until there is a process again."""

    async def start(self) -> None:
        """Start the process and see to it that there is one until `close`.

        Raises:
            DeciderError: it ended, or did not become ready.
        """
        await self._spawn()
        self._watch = asyncio.ensure_future(self._keep())

    def decide(self, name: str, commands: Sequence[Any], decided: Decided[Any]) -> None:
        """Have the service ``name`` answer, and tell ``decided`` in the order of the commands.

        It is told OverloadedError if there is no process, or it ended before it answered, or did
        not answer in time: what became of the group is not known, and its commands may be sent
        again.
        """
        if self._up.is_set():
            self._now(name, commands, decided)
        else:
            waiting = asyncio.ensure_future(self._later(name, commands, decided))
            self._waiting.add(waiting)
            waiting.add_done_callback(self._waiting.discard)

    async def _later(self, name: str, commands: Sequence[Any], decided: Decided[Any]) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                # Who is ready may be gone again before the news of it arrives here.
                while not self._up.is_set():
                    await self._up.wait()
        except TimeoutError:
            decided(OverloadedError())
        else:
            self._now(name, commands, decided)

    def _now(self, name: str, commands: Sequence[Any], decided: Decided[Any]) -> None:
        if self._link is None:
            raise AssertionError("not started")
        self._link.ask(name, commands, decided)

    async def close(self) -> None:
        """Let the process end what it has under way, and go."""
        if self._watch is not None:
            self._watch.cancel()
        if self._link is not None:
            self._link.transport.close()
        if self.process is not None:
            await _ended(self.process)

    async def _spawn(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self.process = subprocess.Popen(  # noqa: S603 - our own module
                    self.spec.argv, cwd=self.spec.cwd, stdin=theirs.fileno()
                )
            except BaseException:
                ours.close()
                raise
        loop = asyncio.get_running_loop()
        _, self._link = await loop.create_unix_connection(lambda: _Link(self._up), sock=ours)
        try:
            async with asyncio.timeout(START_S):
                await self._link.ready
        except TimeoutError as error:
            self.process.kill()
            await _ended(self.process)
            raise DeciderError("not ready in time") from error
        if self._link.lost.done():
            code = await _ended(self.process)
            raise DeciderError(f"ended with code {code}")
        self._up.set()

    async def _keep(self) -> None:
        """Start another one whenever it ends."""
        while self._link is not None and self.process is not None:
            await self._link.lost
            pause_s = PAUSE_S
            while not self._up.is_set():
                try:
                    log.error("decider_ended", code=await _ended(self.process))
                    await self._spawn()
                except Exception:  # whatever it is, nobody is answered until there is one
                    log.exception("decider_failed")
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


async def _ended(process: "subprocess.Popen[bytes]") -> int:
    """Return the code of a process whose socket is closed; one that does not go is killed."""
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(None, process.wait, LEAVE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return await loop.run_in_executor(None, process.wait)
