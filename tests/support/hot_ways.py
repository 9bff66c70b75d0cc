"""The front's way in without its processes: the same application, the caller's own transaction.

Event loop and socket are left out, since the tests' database connection belongs to their thread;
the real processes are started by `tests/config/test_front.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import unquote

import orjson
import pytest
from django.http import HttpResponse

from config.front_lookups import Lookups
from config.hot_front import HotFront
from config.hot_routes import HOT_ROUTES
from core.access.credentials import Credentials, credentials_of
from core.api.hot_calls import HotCall, Reply, Route, group_answer
from core.commit.frames import FrameReader, frame_bytes

SentHeaders = Mapping[str, str | Sequence[str]]
"""A header sent several times has several values."""


class _Headers:
    """All lines, as Granian hands them over."""

    def __init__(self, headers: SentHeaders) -> None:
        self.values = {
            name.lower(): [value] if isinstance(value, str) else list(value)
            for name, value in headers.items()
        }

    def items(self) -> list[tuple[str, str]]:
        return [(name, value) for name, values in self.values.items() for value in values]


class _Scope:
    """What Granian hands over."""

    def __init__(self, method: str, target: str, headers: SentHeaders) -> None:
        self.method = method
        path, _, self.query_string = target.partition("?")
        self.path = unquote(path)
        self.authority = None
        self.headers = _Headers(headers)


class _Protocol:
    """The body in, the response out."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.response: HttpResponse | None = None

    async def __call__(self) -> bytes:
        return self.body

    def response_bytes(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        self.response = HttpResponse(body, status=status, headers=dict(headers))


class _Queue:
    """Decides at once, as a group of one."""

    def __init__(self, route: Route) -> None:
        self.route = route

    async def submit(self, call: HotCall, /) -> Reply:
        # Spelt as it goes to the process that decides.
        (frame,) = FrameReader().feed(frame_bytes(1, self.route.name, [call]))
        (reply,) = group_answer(self.route, frame.value())
        return reply

    async def close(self) -> None:
        """Nobody waits."""


class DirectFront(HotFront):
    """The front without a deciding process: whatever it would hand over is done at once."""

    def __init__(self) -> None:
        super().__init__()
        self._lookups = _Lookups()
        self._queues = {route.name: _Queue(route) for route in HOT_ROUTES}


class _Lookups(Lookups):
    """Asks in the caller's thread."""

    async def credentials(self, key_id: str) -> Credentials | None:
        return credentials_of(key_id)


def is_hot(method: str, target: str) -> bool:
    """Tell whether a call of the target is the front's."""
    path = unquote(target.partition("?")[0])
    return any(route.method == method and route.pattern.fullmatch(path) for route in HOT_ROUTES)


def front_call(method: str, target: str, body: bytes, headers: SentHeaders) -> Any:
    """Send a call through the front; nothing in it waits, so no event loop is needed."""
    protocol = _Protocol(body)
    sent = {
        "Host": "testserver",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **headers,
    }
    scope: Any = _Scope(method, target, sent)
    answering = DirectFront().__rsgi__(scope, cast(Any, protocol))
    with pytest.raises(StopIteration):  # else it waits for something
        answering.send(None)
    response: Any = protocol.response
    response.json = lambda: orjson.loads(response.content)
    return response
