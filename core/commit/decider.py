"""What a front knows of the process that decides for it: started, asked, started again."""

import asyncio
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog

from core.commit.batcher import OverloadedError
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

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()
        self._asked: dict[int, asyncio.Future[Sequence[Any]]] = {}
        self._reader = FrameReader()
        self._number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        for frame in self._reader.feed(data):
            if frame.number == 0:
                self.ready.set_result(None)
                continue
            asked = self._asked.pop(frame.number)
            if asked.done():
                continue
            try:
                asked.set_result(frame.value())
            except Exception as error:  # one whom nobody answers would wait without end
                asked.set_exception(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody knows what became of the groups under way; the callers' keys will tell."""
        del exc
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(OverloadedError())
        self._asked.clear()
        for waiting in (self.ready, self.lost):
            if not waiting.done():
                waiting.set_result(None)

    def ask(self, name: str, commands: Sequence[Any]) -> "asyncio.Future[Sequence[Any]]":
        self._number += 1
        asked: asyncio.Future[Sequence[Any]] = asyncio.get_running_loop().create_future()
        if self.lost.done():
            asked.set_exception(OverloadedError())
            return asked
        frame = frame_bytes(self._number, name, commands)
        self._asked[self._number] = asked
        self.transport.write(frame)
        return asked


@dataclass(slots=True)
class Decider:
    """The deciding process of one front; lives on the front's event loop."""

    spec: DeciderSpec
    process: "subprocess.Popen[bytes] | None" = None
    _link: _Link | None = None
    _up: asyncio.Event = field(default_factory=asyncio.Event)
    _watch: "asyncio.Task[None] | None" = None

    async def start(self) -> None:
        """Start the process and see to it that there is one until `close`.

        Raises:
            DeciderError: it ended, or did not become ready.
        """
        await self._spawn()
        self._watch = asyncio.ensure_future(self._keep())

    async def decide(self, name: str, commands: Sequence[Any]) -> Sequence[Any]:
        """Return what the service ``name`` answers, in the order of the commands.

        Raises:
            OverloadedError: there is no process, or it ended before it answered, or did not answer
                in time: what became of the group is not known, and its commands may be sent again.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._up.wait()
        except TimeoutError as error:
            raise OverloadedError from error
        if self._link is None:
            raise AssertionError("not started")
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._link.ask(name, commands)
        except TimeoutError as error:
            log.error("group_not_answered", service=name, commands=len(commands))
            raise OverloadedError from error

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
        _, self._link = await loop.create_unix_connection(_Link, sock=ours)
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
            self._up.clear()
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
