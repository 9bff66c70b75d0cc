"""The front of the hot routes: a thin asynchronous process on Granian's native interface.

It verifies the signature, puts the call into the queue of its route, and answers after the commit.
It holds no rule (docs/decisions/hot-routes-have-their-own-front.md).
"""

import asyncio
import re
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, Protocol, TypeVar

import structlog
from django.conf import settings
from granian.rsgi import HTTPProtocol, Scope  # type: ignore[attr-defined]
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from core.access.credentials import Credentials, credentials_kept, credentials_of
from core.access.request_auth import (
    HeaderGetter,
    IncomingRequest,
    nonce_spend,
    request_verify,
)
from core.access.signing import IDEMPOTENCY_HEADER, KEY_HEADER, signing_target
from core.api.hot_calls import HotCall, Reply, Route, calls_answer, problem_reply
from core.clock import wall
from core.commit.batcher import CommitLimits, GroupCommit, OverloadedError
from core.commit.groups import call_connected
from core.commit.metrics import REGISTRY
from core.errors import DomainError
from core.errors.problem import problem_language
from core.errors.translate import domain_error_of
from redemption.api.hot import CONFIRM, HOLD
from vouchers.api.hot import CLAIM

R = TypeVar("R")
HOT_ROUTES: Final[tuple[Route, ...]] = (CLAIM, HOLD, CONFIRM)
METRICS_PATH: Final = "/metrics"
MOST_LOOKUPS: Final = 64
"""Unknown or expired keys that may be read at once; strangers must not queue up without end."""
log = structlog.get_logger(__name__)
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class CallQueue(Protocol):
    """Where a verified call waits for its reply."""

    async def submit(self, call: HotCall, /) -> Reply:
        """Return the reply."""

    async def close(self) -> None:
        """Answer or refuse everybody."""


class HotFront:
    """The application Granian calls; one per process, on the process's event loop."""

    def __init__(self, limits: CommitLimits | None = None) -> None:
        """Make a queue per hot route."""
        self._limits = limits or CommitLimits()
        self._queues: dict[str, CallQueue] = {}
        self._lookups = ThreadPoolExecutor(1, thread_name_prefix="lookups")
        self._looking: dict[str, asyncio.Future[Credentials | None]] = {}

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start with the worker process, after its fork."""
        del loop
        self._queues = {route.name: self._queue(route) for route in HOT_ROUTES}

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """End with the worker process: whoever was accepted is answered or refused."""
        loop.run_until_complete(self.close())

    def _queue(self, route: Route) -> CallQueue:
        return GroupCommit(route.name, partial(calls_answer, route), self._limits)

    async def close(self) -> None:
        """Answer or refuse everybody who waits."""
        await asyncio.gather(*(queue.close() for queue in self._queues.values()))

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer one request."""
        header = _headers(scope)
        language = problem_language(header("accept-language"))
        request_id = _request_id(header("x-request-id"))
        try:
            reply = await self._reply(scope, protocol, language, request_id)
        except Exception as error:
            known = domain_error_of(error)
            if known is None:
                log.exception("front_failed", request_id=request_id, path=scope.path)
            reply = problem_reply(
                known or DomainError("infra.internal_error"),
                language=language,
                request_id=request_id,
            )
        protocol.response_bytes(reply.status, reply.headers, reply.body)

    async def _reply(
        self, scope: Scope, protocol: HTTPProtocol, language: str, request_id: str
    ) -> Reply:
        if scope.path == METRICS_PATH and scope.method == "GET":
            return Reply(200, [("content-type", CONTENT_TYPE_LATEST)], generate_latest(REGISTRY))
        route = _route(scope.path)
        if scope.method != "POST":
            raise DomainError("request.method_not_allowed")
        header = _headers(scope)
        body = await _body(protocol, header("content-length"))
        request = IncomingRequest(
            method=scope.method,
            target=signing_target(scope.path, scope.query_string),
            header=header,
            body=body,
        )
        credentials = await self._look_up(header(KEY_HEADER))
        received = wall()
        client = request_verify(request, wall=received, lookup=lambda _: credentials)
        if not header(IDEMPOTENCY_HEADER):
            await self._in_lookups(nonce_spend, request, client)
        call = HotCall(
            client=client,
            received=received,
            language=language,
            request_id=request_id,
            path=scope.path,
            idempotency_key=header(IDEMPOTENCY_HEADER),
            content_type=header("content-type"),
            body=body,
        )
        return await self._queues[route.name].submit(call)

    async def _look_up(self, key_id: str) -> Credentials | None:
        """Return the credentials of a key: those kept, or read once for all who wait."""
        kept = credentials_kept(key_id)
        if kept is not None:
            return kept
        looking = self._looking.get(key_id)
        if looking is None:
            if len(self._looking) >= MOST_LOOKUPS:
                raise OverloadedError
            looking = asyncio.ensure_future(self._in_lookups(credentials_of, key_id))
            self._looking[key_id] = looking
            looking.add_done_callback(lambda _: self._looking.pop(key_id, None))
        return await asyncio.shield(looking)

    async def _in_lookups(self, function: Callable[..., R], *arguments: object) -> R:
        """Run what asks the database or Valkey outside the event loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._lookups, call_connected, function, *arguments)


def _headers(scope: Scope) -> HeaderGetter:
    headers = scope.headers
    return lambda name: headers.get(name.lower()) or ""


def _request_id(given: str) -> str:
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _route(path: str) -> Route:
    for route in HOT_ROUTES:
        if route.pattern.fullmatch(path):
            return route
    raise DomainError("access.not_found")


async def _body(protocol: HTTPProtocol, length: str) -> bytes:
    """Return the body, unless it is larger than Django would take."""
    most: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if length:
        if not length.isdigit() or int(length) > most:
            raise DomainError("request.too_large")
        whole: bytes = await protocol()
        return whole
    parts, size = [], 0
    async for part in protocol:
        size += len(part)
        if size > most:
            raise DomainError("request.too_large")
        parts.append(bytes(part))
    return b"".join(parts)
