"""One kept HTTP/1.1 connection that tells an answer from none; nothing is sent twice by itself."""

import asyncio
import contextlib
from dataclasses import dataclass
from time import time

from core.access.signing import SigningKey, call_headers
from core.embedded.valkey import HOST

ATTEMPT_S = 20.0
"""Longer than the platform lets anybody wait, its own time-outs included."""
MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, as it was sent."""

    status: int
    replay: bool
    body: bytes


def request_make(key: SigningKey, *, path: str, body: bytes, idempotency_key: str) -> bytes:
    """Return a post signed now, ready to be written to a socket."""
    headers = call_headers(
        key,
        method="POST",
        target=path,
        timestamp=int(time()),
        body=body,
        idempotency_key=idempotency_key,
    )
    headers |= {
        "Host": HOST,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Line:
    """A connection to a port of this machine, opened when it is needed and anew once it broke."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> Reply | None:
        """Return the reply to a request; None if no whole one came."""
        try:
            async with asyncio.timeout(ATTEMPT_S):
                return await self._ask(request)
        except (OSError, EOFError, TimeoutError, ValueError):
            self.close()
            return None

    async def _ask(self, request: bytes) -> Reply:
        if self._streams is None:
            self._streams = await asyncio.open_connection(HOST, self.port, limit=MOST_BYTES)
        reader, writer = self._streams
        writer.write(request)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = head.split("\r\n")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines if line)
        }
        body = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection", "").lower() == "close":
            self.close()
        replay = headers.get("idempotent-replay") == "true"
        return Reply(int(status.split(" ", 2)[1]), replay, body)

    def close(self) -> None:
        """Leave the connection; the next request makes another."""
        if self._streams is not None:
            with contextlib.suppress(OSError):
                self._streams[1].close()
            self._streams = None
