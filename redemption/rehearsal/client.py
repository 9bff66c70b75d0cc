"""A client of the public API as a channel or till would write it: signed, patient, repeatable.

After a time-out or a lost connection it repeats the same idempotency key, and never makes a new
one (api.md, Conventions). Every answer is measured and counted.
"""

import http.client
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson

from core.access.signing import SigningKey, call_headers

PATIENCE_S = 120.0
TIMEOUT_S = 30.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
CONNECTIONS = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
TRY_AGAIN = frozenset({429, 502, 503, 504})


@dataclass(slots=True)
class Tally:
    """Counts over all clients of a rehearsal; safe to share between threads."""

    requests: int = 0
    repeats: int = 0
    replays: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, answer: "Answer", milliseconds: float, repeats: int) -> None:
        """Count one answered call."""
        with self._lock:
            self.requests += 1
            self.repeats += repeats
            self.replays += answer.replay
            self.milliseconds.append(milliseconds)
            if answer.code:
                self.refusals[answer.code] += 1

    def percentile(self, share: float) -> float:
        """Return the latency that ``share`` of the calls did not exceed, in milliseconds."""
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the API."""

    status: int
    body: dict[str, Any]
    replay: bool

    @property
    def ok(self) -> bool:
        """Whether the call did what it asked for."""
        return self.status < HTTPStatus.BAD_REQUEST

    @property
    def code(self) -> str:
        """The problem's code, empty for a success."""
        return "" if self.ok else str(self.body.get("code", self.status))


class Unanswered(Exception):  # noqa: N818 - what happened, in the caller's words
    """The platform gave no answer for longer than anybody waits."""


class _Response(NamedTuple):
    status: int
    replay: bool
    body: bytes


class ApiClient:
    """Calls the API as one client; one instance may serve several threads.

    The standard library's client, one connection per thread: what a crowd's own computers would
    spend is taken from the platform's processors here, and richer clients spend four times as much.
    """

    def __init__(self, base_url: str, key: SigningKey, tally: Tally) -> None:
        """Connect on the first call; only loopback or the operator's own host is ever called."""
        address = urlsplit(base_url)
        self._open = CONNECTIONS[address.scheme]
        self._host, self._port = address.hostname or "", address.port
        self._key = key
        self._tally = tally
        self._local = threading.local()

    def get(self, target: str) -> Answer:
        """Read; ``target`` is the path with its query."""
        return self.call("GET", target)

    def call(self, method: str, target: str, body: Any = None, *, key: str = "") -> Answer:
        """Send one request until it is answered; raises `Unanswered` after two minutes."""
        raw = b"" if body is None else orjson.dumps(body)
        started = time.monotonic()
        pause, repeats = FIRST_PAUSE_S, 0
        while True:
            response = self._send(method, target, raw, key)
            if response is not None and response.status not in TRY_AGAIN:
                break
            if time.monotonic() - started > PATIENCE_S:
                raise Unanswered(f"{method} {target}: {response}")
            time.sleep(pause)
            pause, repeats = min(pause * 2, LONGEST_PAUSE_S), repeats + 1
        answer = Answer(
            response.status, orjson.loads(response.body) if response.body else {}, response.replay
        )
        self._tally.add(answer, (time.monotonic() - started) * 1000, repeats)
        return answer

    def _send(self, method: str, target: str, raw: bytes, key: str) -> _Response | None:
        headers = call_headers(
            self._key,
            method=method,
            target=target,
            timestamp=int(time.time()),
            body=raw,
            idempotency_key=key,
        )
        headers["Content-Type"] = "application/json"
        connection = self._connection()
        try:
            connection.request(method, target, raw, headers)
            response = connection.getresponse()
            replay = response.getheader("Idempotent-Replay") == "true"
            return _Response(response.status, replay, response.read())
        except (OSError, http.client.HTTPException):
            # The next request opens it anew.
            connection.close()
            return None

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._open(self._host, self._port, timeout=TIMEOUT_S)
            self._local.connection = connection
        return connection
