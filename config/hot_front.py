"""The front of the hot routes: a thin asynchronous process on Granian's native interface.

It verifies the signature, puts the call into the queue of its route, and answers after the commit,
which a process of its own makes (`config/decider.py`). It holds no rule
(docs/decisions/hot-routes-have-their-own-front.md).
"""

import asyncio
import sys
from datetime import datetime
from functools import lru_cache, partial
from typing import Final, Protocol

import structlog
from django.conf import settings
from django.http.request import split_domain_port, validate_host
from granian.rsgi import (  # type: ignore[attr-defined]
    HTTPProtocol,
    ProtocolClosed,
    Scope,
)
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from config.front_lookups import Lookups
from config.hot_routes import DECIDER, HOT_ROUTES
from core.access.request_auth import (
    HeaderGetter,
    IncomingRequest,
    request_read,
    request_verify,
)
from core.access.signing import signing_target
from core.api.hot import API_PREFIX
from core.api.hot_calls import HotCall, Reply, Route, problem_reply
from core.clock import wall
from core.commit.batcher import CommitLimits, GroupCommit
from core.commit.decider import Decider, DeciderSpec
from core.commit.deciding import garbage_settle
from core.commit.metrics import REGISTRY
from core.errors import DomainError
from core.errors.problem import problem_language, request_id_of
from core.errors.translate import domain_error_of

EXACT: Final = {
    (route.method, API_PREFIX + route.path): route
    for route in HOT_ROUTES
    if not route.pattern.groups
}
"""Most calls name nothing in their path: no pattern needs to be tried."""
METRICS_PATH: Final = "/metrics"
ACCEPTABLE: Final = frozenset({"application/json", "application/*", "*/*"})
log = structlog.get_logger(__name__)


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
        self._decider: Decider | None = None
        self._lookups = Lookups()
        # Settings are lazy objects: asking them costs as much as a whole check.
        self._hosts = tuple(settings.ALLOWED_HOSTS)
        self._most_bytes: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start with the worker process, after its fork."""
        garbage_settle()
        loop.run_until_complete(self._open())

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """End with the worker process: whoever was accepted is answered or refused."""
        loop.run_until_complete(self.close())

    async def _open(self) -> None:
        """Make the queues and what decides for them."""
        argv = [sys.executable, "-m", DECIDER]
        self._decider = Decider(DeciderSpec(argv, settings.BASE_DIR))
        await self._decider.start()
        self._queues = {
            route.name: GroupCommit(
                route.name, partial(self._decider.decide, route.name), self._limits
            )
            for route in HOT_ROUTES
        }

    async def close(self) -> None:
        """Answer or refuse everybody who waits."""
        await asyncio.gather(*(queue.close() for queue in self._queues.values()))
        if self._decider is not None:
            await self._decider.close()

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer one request."""
        received = wall()
        header = _headers(scope)
        language = problem_language(header("accept-language"))
        try:
            reply = await self._reply(scope, protocol, header, received, language)
        except ProtocolClosed:
            return  # the caller left before he had said everything
        except Exception as error:
            known = domain_error_of(error)
            request_id = request_id_of(header("x-request-id"))
            if known is None:
                log.exception("front_failed", request_id=request_id, path=scope.path)
            reply = problem_reply(
                known or DomainError("infra.internal_error"),
                language=language,
                request_id=request_id,
            )
        protocol.response_bytes(reply.status, reply.headers, reply.body)

    async def _reply(
        self,
        scope: Scope,
        protocol: HTTPProtocol,
        header: HeaderGetter,
        received: datetime,
        language: str,
    ) -> Reply:
        # Each attribute of the scope is made anew by the server when it is asked for.
        path, method = scope.path, scope.method
        if path == METRICS_PATH and method == "GET":
            return Reply(200, [("content-type", CONTENT_TYPE_LATEST)], generate_latest(REGISTRY))
        route = _route(method, path)
        _accept_check(header("accept"))
        self._host_check(header("host") or scope.authority or "")
        body = await self._body(protocol, header("content-length"))
        request = IncomingRequest(
            method=method, target=signing_target(path, scope.query_string), header=header, body=body
        )
        signed = request_read(request, wall=received)
        credentials = await self._lookups.credentials(signed.key_id)
        client = request_verify(request, signed, credentials)
        call = HotCall(
            client=client,
            received=received,
            language=language,
            request_id=header("x-request-id"),
            path=path,
            idempotency_key=signed.idempotency_key,
            nonce=signed.nonce,
            content_type=header("content-type"),
            body=body,
        )
        return await self._queues[route.name].submit(call)

    def _host_check(self, host: str) -> None:
        """Refuse what came to another origin's name, as Django does."""
        if not _host_allowed(host, self._hosts):
            raise DomainError("request.invalid_parameter")

    async def _body(self, protocol: HTTPProtocol, length: str) -> bytes:
        """Return the body, unless it is larger than Django would take."""
        if length:
            if not length.isdigit() or int(length) > self._most_bytes:
                raise DomainError("request.too_large")
            whole: bytes = await protocol()
            return whole
        parts, size = [], 0
        async for part in protocol:
            size += len(part)
            if size > self._most_bytes:
                raise DomainError("request.too_large")
            parts.append(bytes(part))
        return b"".join(parts)


def _headers(scope: Scope) -> HeaderGetter:
    """Return what asks for a header; one sent several times is one text, as Django's server says.

    So whoever signs or steers twice is refused at both ways in: no signed value has a comma. Of
    several content types the first counts, there as here.
    """
    lines = scope.headers.items()
    headers = dict(lines)
    if len(headers) < len(lines):
        texts = {name: [text for other, text in lines if other == name] for name in headers}
        headers = {name: ",".join(several) for name, several in texts.items()}
        headers |= {name: texts[name][0] for name in texts if name == "content-type"}
    return lambda name: headers.get(name.lower(), "")


def _route(method: str, path: str) -> Route:
    exact = EXACT.get((method, path))
    if exact is not None:
        return exact
    known = [route for route in HOT_ROUTES if route.pattern.fullmatch(path)]
    for route in known:
        if route.method == method:
            return route
    raise DomainError("request.method_not_allowed" if known else "access.not_found")


def _accept_check(accept: str) -> None:
    """Refuse whoever wants no JSON, as REST framework's negotiation does."""
    wanted = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    if accept and not wanted & ACCEPTABLE:
        raise DomainError("request.not_acceptable")


@lru_cache(maxsize=64)
def _host_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    domain, _ = split_domain_port(host)
    return validate_host(domain, allowed)
