"""A light load generator: raw HTTP/1.1 over kept connections, one request at a time on each.

    python -m bench.load FILE   # a pickle of LoadPlan; prints a JSON line with the result

Requests are whole byte strings made (and signed) beforehand, so that generating load costs little.
"""

import asyncio
import json
import os
import pickle
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import uvloop

from config.cli.screen import say
from core.access.signing import SigningKey, call_headers


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """Send ``requests`` over ``connections`` to a port of this machine for at most ``seconds``."""

    port: int
    connections: int
    seconds: float
    requests: list[bytes]
    confirms: SigningKey | None = None
    """Confirm each hold that was accepted, signed with this key; then requests are holds."""
    cpu: int | None = None
    """The only core to run on."""


@dataclass(slots=True)
class Tally:
    """What came back."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    lost: int = 0


class Caller(asyncio.Protocol):
    """One connection."""

    def __init__(
        self, requests: Iterator[bytes], tally: Tally, until: float, done: "asyncio.Future[None]"
    ) -> None:
        self.requests, self.tally, self.until, self.done = requests, tally, until, done
        self.buffer = b""
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._next()

    def data_received(self, data: bytes) -> None:
        """Take an answer once it is whole."""
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        at = self.buffer.lower().find(b"content-length:", 0, head)
        length = int(self.buffer[at + 15 : self.buffer.index(b"\r\n", at)]) if at >= 0 else 0
        if len(self.buffer) < head + 4 + length:
            return
        status, body = int(self.buffer[9:12]), self.buffer[head + 4 : head + 4 + length]
        self.tally.statuses[status] += 1
        self.tally.latencies.append(time.perf_counter() - self.sent_at)
        self.buffer = self.buffer[head + 4 + length :]
        self._answered(status, body)

    def _answered(self, status: int, body: bytes) -> None:
        """Go on after an answer."""
        del status, body
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a request whose answer never came."""
        del exc
        if not self.done.done():
            self.tally.lost += 1
            self.done.set_result(None)

    def _next(self) -> None:
        request = next(self.requests, None) if time.perf_counter() < self.until else None
        if request is None:
            if not self.done.done():
                self.done.set_result(None)
            self.transport.close()
            return
        self._send(request)

    def _send(self, request: bytes) -> None:
        self.sent_at = time.perf_counter()
        self.transport.write(request)


class Payer(Caller):
    """A connection that confirms what it has held before it holds the next."""

    key: SigningKey
    port: int

    def _answered(self, status: int, body: bytes) -> None:
        held = json.loads(body) if status == 201 else {}
        if "payable_fen" not in held:
            self._next()
            return
        number = held["redemption_id"][-16:]
        document = {
            "paid_fen": held["payable_fen"],
            "channel_trade_no": f"t-{number}",
            "paid_at": held["hold_expires_at"],
        }
        self._send(
            post_request(
                self.key,
                f"/api/v1/redemptions/{held['redemption_id']}/confirm",
                document,
                idempotency_key=f"confirm-{number}",
                port=self.port,
            )
        )


def post_request(
    key: SigningKey, path: str, document: dict[str, object], *, idempotency_key: str, port: int
) -> bytes:
    """Return a signed POST, ready to be written to a socket."""
    body = orjson.dumps(document)
    headers = call_headers(
        key,
        method="POST",
        target=path,
        timestamp=int(time.time()),
        body=body,
        idempotency_key=idempotency_key,
    )
    headers |= {
        "Host": f"127.0.0.1:{port}",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def load(plan: LoadPlan) -> dict[str, object]:
    """Play the plan; return rate, latencies in ms and statuses."""
    loop = asyncio.get_running_loop()
    tally = Tally()
    requests = iter(plan.requests)
    started = time.perf_counter()
    ends: list[asyncio.Future[None]] = []
    for _ in range(plan.connections):
        done: asyncio.Future[None] = loop.create_future()
        ends.append(done)
        caller: Caller
        if plan.confirms:
            caller = Payer(requests, tally, started + plan.seconds, done)
            caller.key, caller.port = plan.confirms, plan.port
        else:
            caller = Caller(requests, tally, started + plan.seconds, done)
        await loop.create_connection(lambda caller=caller: caller, "127.0.0.1", plan.port)  # type: ignore[misc]
    await asyncio.gather(*ends)
    seconds = time.perf_counter() - started
    ordered = sorted(tally.latencies) or [0.0]
    return {
        "seconds": round(seconds, 3),
        "answers": len(tally.latencies),
        "per_s": round(len(tally.latencies) / seconds, 1),
        "p50_ms": round(ordered[len(ordered) // 2] * 1000, 2),
        "p99_ms": round(ordered[int(len(ordered) * 0.99) - 1] * 1000, 2),
        "statuses": dict(sorted(tally.statuses.items())),
        "lost": tally.lost,
        "cpu_s": round(time.process_time(), 2),
    }


def main() -> None:
    """Read the plan, play it, print the result."""
    plan: LoadPlan = pickle.loads(Path(sys.argv[1]).read_bytes())  # noqa: S301 - written by us
    if plan.cpu is not None:
        os.sched_setaffinity(0, {plan.cpu})
    say(json.dumps(uvloop.run(load(plan))))


if __name__ == "__main__":
    main()
