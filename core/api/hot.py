"""A hot route: what the two ways in, REST framework and the front, share of an operation.

Reading the body, the command, the service and the document lie here once; each way in adds only
how a request reaches it and how an answer leaves (architecture.md, Group commit).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, Protocol, TypeVar
from uuid import UUID

from core.access.credentials import ClientPrincipal
from core.access.idempotency import REPLAY_HEADER, Idempotency
from core.api.serializers import StrictSerializer
from core.errors import DomainError, Refusal, RefusedError

API_PREFIX = "/api/v1/"
MOST_BYTES = 16 * 1024
_NOTHING_NAMED: Mapping[str, str] = MappingProxyType({})


class Outcome(Protocol):
    """What a hot service answers for a command."""

    @property
    def outcome(self) -> str:
        """ACCEPTED, REPLAY or REFUSED."""

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Every reason against it."""


C = TypeVar("C")
D = TypeVar("D", bound=Outcome)
F = TypeVar("F")


class Asked(NamedTuple):
    """A checked request: whose it is, its key, its receipt (business time) and its body.

    ``path`` holds the parts of the path that name something, as they were written.
    """

    client: ClientPrincipal
    idempotency: Idempotency
    at: datetime
    data: Mapping[str, Any]
    path: Mapping[str, str] = _NOTHING_NAMED

    def keyed(self) -> dict[str, Any]:
        """Return the fields every command carries."""
        return {
            "client_id": self.client.id,
            "idempotency_key": self.idempotency.key,
            "fingerprint": self.idempotency.fingerprint,
            "at": self.at,
        }


@dataclass(frozen=True)
class HotRoute(Generic[C, D, F]):
    """One operation of the hot path.

    ``path`` is a pattern below ``/api/v1/`` whose groups become ``Asked.path``; ``person`` names
    whom the request (body, path) counts for, if anybody; ``command`` may refuse with a DomainError,
    and so may ``person``; ``fact`` is None for a refused outcome. What is not ``keyed``, since it
    changes nothing or says the whole state, is protected by its nonce. A body may have
    ``most_bytes``.
    """

    name: str
    operation: str
    path: str
    serializer: type[StrictSerializer]
    status: Callable[[F], int]
    person: Callable[[Mapping[str, Any], Mapping[str, str]], UUID | str | None]
    command: Callable[[Asked], C]
    decide: Callable[[Sequence[C]], Sequence[D]]
    fact: Callable[[D], F | None]
    document: Callable[[F], dict[str, Any]]
    keyed: bool = True
    method: str = "POST"
    most_bytes: int = MOST_BYTES

    @cached_property
    def pattern(self) -> "re.Pattern[str]":
        """The whole path."""
        return re.compile(re.escape(API_PREFIX) + self.path)

    def named(self, path: str) -> Mapping[str, str]:
        """Return the parts of a path that name something."""
        if not self.pattern.groups:
            return _NOTHING_NAMED
        found = self.pattern.fullmatch(path)
        return found.groupdict() if found else _NOTHING_NAMED

    def size_check(self, body: bytes) -> None:
        """Refuse a body no honest request comes near: reading it would hold the whole group up.

        Raises:
            DomainError: request.too_large.
        """
        if len(body) > self.most_bytes:
            raise DomainError("request.too_large")

    @cached_property
    def _body(self) -> StrictSerializer:
        # One instance: making its fields anew costs more than all they check.
        return self.serializer()

    def body(self, data: Any) -> dict[str, Any]:
        """Return the checked body; REST framework's ValidationError else."""
        checked: dict[str, Any] = self._body.run_validation(data)
        return checked

    def answer(self, outcome: D) -> "HotAnswer | DomainError":
        """Return the answer or refusal an outcome becomes, in the language that is active."""
        fact = self.fact(outcome)
        if fact is None:
            return RefusedError(outcome.refusals)
        return HotAnswer(
            self.status(fact), self.document(fact), replayed=outcome.outcome == "REPLAY"
        )


class HotAnswer(NamedTuple):
    """A success: the document, the same on the first answer and on every replay."""

    status: int
    document: dict[str, Any]
    replayed: bool

    @property
    def headers(self) -> dict[str, str]:
        """The headers besides Content-Type."""
        return answer_headers(replayed=self.replayed)


def answer_headers(*, replayed: bool = False) -> dict[str, str]:
    """Return the headers of a success; a replay says so."""
    headers = {"Cache-Control": "no-store"}
    if replayed:
        headers[REPLAY_HEADER] = "true"
    return headers
