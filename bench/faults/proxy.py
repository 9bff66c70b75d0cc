"""A proxy before PostgreSQL that loses the answer to a statement that commits.

A hot call is one simple-query message that commits by itself (core/transactions.py,
`statement_alone`). The proxy passes it on and then cuts the connection: what the caller cannot
know is exactly whether the commit took place.
"""

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum

from core.embedded.valkey import HOST

POSTGRES_PORT = 5432
QUERY, READY = b"Q", b"Z"
LENGTH_BYTES = 4


class Moment(StrEnum):
    """When the connection is cut, counted from the statement's being passed on."""

    AT_ONCE = "at once, the commit may be under way"
    ANSWER_KEPT = "committed, nothing of the answer passed on"
    ANSWER_HALF = "committed, half of the answer passed on"
    END_KEPT = "committed, all but the last message passed on"


@dataclass(slots=True)
class _Session:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    cut: Moment | None = None

    def end(self) -> None:
        """Close both sides without a word."""
        for writer in (self.client, self.server):
            writer.transport.abort()


@dataclass(slots=True)
class CuttingProxy:
    """Listens on a loopback port; all it does unless armed is pass bytes on."""

    host: str
    """Of the server; a folder, if it listens on a socket in there."""
    port: int = POSTGRES_PORT
    cuts: list[Moment] = field(default_factory=list)
    """Those that were made."""
    _armed: dict[bytes, Moment] = field(default_factory=dict)
    _server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen; return the port."""
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def stop(self) -> None:
        """Take no more connections."""
        if self._server is not None:
            self._server.close()

    def arm(self, function: str, moment: Moment) -> None:
        """Cut the connection that calls this SQL function next."""
        self._armed[f"{function}(".encode()] = moment

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, server = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        session = _Session(writer, server)
        try:
            await asyncio.gather(self._pass_on(reader, session), self._pass_back(answers, session))
        except (OSError, EOFError):
            pass
        finally:
            session.end()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.host.startswith("/"):
            return await asyncio.open_unix_connection(f"{self.host}/.s.PGSQL.{self.port}")
        return await asyncio.open_connection(self.host, self.port)

    async def _pass_on(self, reader: asyncio.StreamReader, session: _Session) -> None:
        """Pass the client's messages on, one by one."""
        session.server.write(await _message(reader, kinded=False))
        while True:
            message = await _message(reader)
            session.cut = self._cut(message)
            session.server.write(message)
            await session.server.drain()
            if session.cut is Moment.AT_ONCE:
                self.cuts.append(session.cut)
                session.client.transport.abort()
                session.server.close()  # what is left of the message is sent before
                return

    def _cut(self, message: bytes) -> Moment | None:
        if not self._armed or message[:1] != QUERY:
            return None
        called = next((name for name in self._armed if name in message), None)
        return None if called is None else self._armed.pop(called)

    async def _pass_back(self, reader: asyncio.StreamReader, session: _Session) -> None:
        """Pass the server's messages back, but those of an answer that is to be lost."""
        kept: list[bytes] = []
        while session.cut is not Moment.AT_ONCE:
            message = await _message(reader)
            if session.cut is None:
                session.client.write(message)
                await session.client.drain()
                continue
            kept.append(message)
            if message[:1] == READY:
                await self._lose(kept, session.cut, session)
                return

    async def _lose(self, answer: list[bytes], cut: Moment, session: _Session) -> None:
        """Pass on what is to be passed on of a committed answer, and cut."""
        whole = b"".join(answer)
        passed = {
            Moment.ANSWER_KEPT: b"",
            Moment.ANSWER_HALF: whole[: len(whole) // 2],
            Moment.END_KEPT: b"".join(answer[:-1]),
        }
        session.client.write(passed[cut])
        session.client.close()
        session.server.transport.abort()
        self.cuts.append(cut)


async def _message(reader: asyncio.StreamReader, *, kinded: bool = True) -> bytes:
    """Read one message of the protocol; the first one of a connection names no kind."""
    kind = await reader.readexactly(1) if kinded else b""
    length = await reader.readexactly(LENGTH_BYTES)
    return kind + length + await reader.readexactly(int.from_bytes(length) - LENGTH_BYTES)
