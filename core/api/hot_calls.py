"""Answers authenticated calls of a hot route in groups: the front's half of what a view does.

The checks are the ones REST framework's views make, in the same order and by the same functions:
nonce, permission, rate, idempotency key, body, the person's rate, then the service.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, lru_cache, partial
from typing import Any, NamedTuple, TypeVar

import orjson
from django.utils import translation
from rest_framework.exceptions import APIException, UnsupportedMediaType

from core import clock
from core.access.credentials import ClientPrincipal
from core.access.idempotency import NO_KEY, Idempotency, idempotency_read
from core.access.request_auth import Nonce, needs_nonce, nonces_spend
from core.access.throttling import (
    RateSubject,
    rate_of_client,
    rate_of_person,
    rates_count,
)
from core.api.hot import Asked, HotAnswer, HotRoute, answer_headers
from core.commit.groups import group_decide
from core.errors import DomainError
from core.errors.problem import (
    CHINESE,
    CONTENT_TYPE,
    ENGLISH,
    problem_body,
    request_id_of,
    status_headers,
)
from core.errors.translate import domain_error_of
from core.json_strict import MalformedJsonError, json_read

JSON = "application/json"
NO_SNIFF = ("x-content-type-options", "nosniff")
_LANGUAGES = {CHINESE: "zh-hans", ENGLISH: "en"}
Route = HotRoute[Any, Any, Any]
Headers = list[tuple[str, str]]
S = TypeVar("S")


@dataclass(slots=True)
class HotCall:
    """A request whose signature was verified.

    ``received`` is real time, ``request_id`` what the caller or proxy gave, if anything.
    """

    client: ClientPrincipal
    received: datetime
    language: str
    request_id: str
    path: str
    idempotency_key: str
    nonce: str
    content_type: str
    body: bytes
    counted: dict[str, DomainError | None] = field(default_factory=dict)
    """What was said when it was counted: once, though its group may be decided again."""

    def __reduce__(self) -> tuple[type["HotCall"], tuple[object, ...]]:
        """Spell it for the process that decides: nothing was counted yet."""
        return HotCall, (
            self.client,
            self.received,
            self.language,
            self.request_id,
            self.path,
            self.idempotency_key,
            self.nonce,
            self.content_type,
            self.body,
        )


@dataclass(slots=True)
class _Case:
    """A call on its way: what is known so far, or the error that ends it."""

    call: HotCall
    idempotency: Idempotency | None = None
    data: dict[str, Any] | None = None
    path: dict[str, str] = field(default_factory=dict)
    person: RateSubject | None = None
    command: Any = None
    outcome: Any = None
    answer: HotAnswer | DomainError | None = None


class Reply(NamedTuple):
    """A response as it leaves."""

    status: int
    headers: Headers
    body: bytes


def group_answer(route: Route, calls: Sequence[HotCall]) -> list[Reply]:
    """Return the response of each call, in order, though the group or one of it may fail."""
    answers = group_decide(partial(calls_answer, route), calls)
    return [
        _refusal(call, answer) if isinstance(answer, DomainError) else answer
        for call, answer in zip(calls, answers, strict=True)
    ]


def calls_answer(route: Route, calls: Sequence[HotCall]) -> list[Reply]:
    """Return the response of each call, in order; everything the group wrote is committed.

    What a service raises for the group as a whole passes through: the caller decides again.
    """
    return [
        _refusal(call, answer)
        if isinstance(answer, DomainError)
        else Reply(answer.status, _answer_headers(answer.replayed), orjson.dumps(answer.document))
        for call, answer in zip(calls, _answers(route, calls), strict=True)
    ]


def problem_reply(error: DomainError, *, language: str, request_id: str) -> Reply:
    """Return the response of an error (problem+json)."""
    body = problem_body(error, language=language, request_id=request_id)
    return Reply(error.status, _problem_headers(error.status, error.retry_after_s), body)


def _refusal(call: HotCall, error: DomainError) -> Reply:
    request_id = request_id_of(call.request_id)
    return problem_reply(error, language=call.language, request_id=request_id)


# One list for all who are answered alike: it goes to the front once for a group.
@cache
def _answer_headers(replayed: bool) -> Headers:
    return [("content-type", JSON), NO_SNIFF, *answer_headers(replayed=replayed).items()]


@lru_cache(maxsize=256)
def _problem_headers(status: int, retry_after_s: int | None) -> Headers:
    more = status_headers(status, retry_after_s)
    return [("content-type", CONTENT_TYPE), NO_SNIFF, *more.items()]


def _answers(route: Route, calls: Sequence[HotCall]) -> list[HotAnswer | DomainError]:
    cases = [_Case(call) for call in calls]
    _once("nonce", cases, partial(_nonce, route), nonces_spend)
    for case in _open(cases):
        if route.operation not in case.call.client.operations:
            case.answer = DomainError(
                "access.permission_denied", data={"operation": route.operation}
            )
    _once("client", cases, lambda case: rate_of_client(case.call.client), rates_count)
    _in_their_languages(partial(_read, route), list(_open(cases)))
    _in_their_languages(partial(_person, route), list(_open(cases)))
    _once("person", cases, lambda case: case.person, rates_count)
    _decide(route, cases)
    return [case.answer or DomainError("infra.internal_error") for case in cases]


def _open(cases: Sequence[_Case]) -> Iterator[_Case]:
    return (case for case in cases if case.answer is None)


def _in_their_languages(act: Callable[[_Case], None], cases: Sequence[_Case]) -> None:
    """Do something with each case that may word an answer; a language is chosen once."""
    for language in {case.call.language for case in cases}:
        with translation.override(_LANGUAGES[language]):
            for case in cases:
                if case.call.language == language:
                    act(case)


def _once(
    name: str,
    cases: Sequence[_Case],
    subject_of: Callable[[_Case], S | None],
    count: Callable[[Sequence[S]], Sequence[DomainError | None]],
) -> None:
    """Count those not answered yet; what counting says against one is his answer."""
    open_cases = list(_open(cases))
    counted: list[tuple[_Case, S]] = []
    for case in open_cases:
        subject = None if name in case.call.counted else subject_of(case)
        if subject is not None:
            counted.append((case, subject))
    if counted:
        said = count([subject for _, subject in counted])
        for (case, _), against in zip(counted, said, strict=True):
            case.call.counted[name] = against
    for case in open_cases:
        case.answer = case.call.counted.get(name)


def _nonce(route: Route, case: _Case) -> Nonce | None:
    call = case.call
    needed = needs_nonce(route.method, call.idempotency_key)
    return Nonce(call.client.code, call.nonce, route.method) if needed else None


def _read(route: Route, case: _Case) -> None:
    """Read key and body; what is wrong with them is the answer."""
    call = case.call
    try:
        route.size_check(call.body)
        case.idempotency = (
            idempotency_read(
                key=call.idempotency_key, method=route.method, path=call.path, body=call.body
            )
            if route.keyed
            else NO_KEY
        )
        found = route.pattern.fullmatch(call.path)
        case.path = found.groupdict() if found else {}
        case.data = route.body(_parsed(call))
    except (DomainError, APIException) as error:
        case.answer = _known(error)


def _parsed(call: HotCall) -> Any:
    if not call.body:
        return {}
    given = call.content_type
    if given != JSON and given.partition(";")[0].strip().lower() != JSON:
        raise UnsupportedMediaType(call.content_type)
    try:
        return json_read(call.body)
    except MalformedJsonError as error:
        raise DomainError("request.malformed_json", data={"reason": str(error)}) from error


def _person(route: Route, case: _Case) -> None:
    try:
        person = route.person(case.data or {}, case.path)
    except DomainError as error:
        case.answer = error
    else:
        case.person = None if person is None else rate_of_person(case.call.client, person)


def _decide(route: Route, cases: Sequence[_Case]) -> None:
    """Let the service decide what is left, as one list of commands, in order of arrival."""
    _in_their_languages(partial(_command, route, clock.clock_state()), list(_open(cases)))
    left = [case for case in _open(cases) if case.command is not None]
    if left:
        outcomes = route.decide([case.command for case in left])
        for case, outcome in zip(left, outcomes, strict=True):
            case.outcome = outcome
        _in_their_languages(partial(_word, route), left)


def _word(route: Route, case: _Case) -> None:
    case.answer = route.answer(case.outcome)


def _command(route: Route, clock_state: clock.ClockState, case: _Case) -> None:
    call = case.call
    if case.idempotency is None or case.data is None:
        return
    asked = Asked(
        client=call.client,
        idempotency=case.idempotency,
        at=clock_state.at(call.received),
        data=case.data,
        path=case.path,
    )
    try:
        case.command = route.command(asked)
    except DomainError as error:
        case.answer = error


def _known(error: Exception) -> DomainError:
    return domain_error_of(error) or DomainError("infra.internal_error")
