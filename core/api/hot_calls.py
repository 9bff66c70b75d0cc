"""Answers authenticated calls of a hot route in groups: the front's half of what a view does.

The checks are the ones REST framework's views make, by the same functions, and the first one in
their order says the answer: nonce, permission, rate, idempotency key, body, the person's rate, then
the service. Both rates are counted in one round trip, after the body was read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, lru_cache, partial
from typing import Any, NamedTuple

import orjson
from django.utils import translation
from rest_framework.exceptions import APIException, UnsupportedMediaType

from core import clock
from core.access.credentials import ClientPrincipal
from core.access.idempotency import (
    NO_KEY,
    Idempotency,
    idempotency_key_check,
    request_fingerprint,
)
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
    problem_parts,
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
class Case:
    """A call on its way: what is known so far, or the error that ends it."""

    call: HotCall
    idempotency: Idempotency = NO_KEY
    data: Mapping[str, Any] = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)
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
    refusals = _Refusals()
    return [
        refusals.reply(call, answer) if isinstance(answer, DomainError) else answer
        for call, answer in zip(calls, answers, strict=True)
    ]


def calls_answer(route: Route, calls: Sequence[HotCall]) -> list[Reply]:
    """Return the response of each call, in order; everything the group wrote is committed.

    What a service raises for the group as a whole passes through: the caller decides again.
    """
    refusals = _Refusals()
    return [
        refusals.reply(call, answer)
        if isinstance(answer, DomainError)
        else Reply(answer.status, _answer_headers(answer.replayed), orjson.dumps(answer.document))
        for call, answer in zip(calls, _answers(route, calls), strict=True)
    ]


def problem_reply(error: DomainError, *, language: str, request_id: str) -> Reply:
    """Return the response of an error (problem+json)."""
    body = problem_body(error, language=language, request_id=request_id)
    return Reply(error.status, _problem_headers(error.status, error.retry_after_s), body)


class _Refusals:
    """Words the errors of a group; one that many calls share is worded once for each language."""

    def __init__(self) -> None:
        self._said: dict[tuple[int, str], tuple[DomainError, bytes, bytes]] = {}

    def reply(self, call: HotCall, error: DomainError) -> Reply:
        """Return the response of an error to a call."""
        known = self._said.get((id(error), call.language))
        if known is None:
            # The error is kept with its words: its id is nobody else's as long as it lives.
            known = (error, *problem_parts(error, language=call.language))
            self._said[id(error), call.language] = known
        _, before, after = known
        body = b"".join((before, request_id_of(call.request_id).encode(), after))
        return Reply(error.status, _problem_headers(error.status, error.retry_after_s), body)


# One list for all who are answered alike: it goes to the front once for a group.
@cache
def _answer_headers(replayed: bool) -> Headers:
    return [("content-type", JSON), NO_SNIFF, *answer_headers(replayed=replayed).items()]


@lru_cache(maxsize=256)
def _problem_headers(status: int, retry_after_s: int | None) -> Headers:
    more = status_headers(status, retry_after_s)
    return [("content-type", CONTENT_TYPE), NO_SNIFF, *more.items()]


def _answers(route: Route, calls: Sequence[HotCall]) -> list[HotAnswer | DomainError]:
    cases = [Case(call) for call in calls]
    _nonces(route, cases)
    for case in _open(cases):
        if route.operation not in case.call.client.operations:
            case.answer = DomainError(
                "access.permission_denied", data={"operation": route.operation}
            )
    counted = list(_open(cases))
    _in_their_languages(partial(_read, route), counted)
    _rates(counted)
    _decide(route, cases)
    return [case.answer or DomainError("infra.internal_error") for case in cases]


def _open(cases: Sequence[Case]) -> Iterator[Case]:
    return (case for case in cases if case.answer is None)


def _in_their_languages(act: Callable[[Iterable[Case]], None], cases: Sequence[Case]) -> None:
    """Do something with cases that may word an answer; a language is chosen once."""
    for language in {case.call.language for case in cases}:
        theirs = [case for case in cases if case.call.language == language]
        if translation.get_language() == _LANGUAGES[language]:
            act(theirs)
        else:
            with translation.override(_LANGUAGES[language]):
                act(theirs)


def _nonces(route: Route, cases: Sequence[Case]) -> None:
    """Use up the nonces of calls that no key protects; what is wrong with one is the answer."""
    spent: list[Case] = []
    for case in cases:
        call = case.call
        if needs_nonce(route.method, call.idempotency_key) and "nonce" not in call.counted:
            spent.append(case)
    if spent:
        said = nonces_spend(
            [Nonce(one.call.client.code, one.call.nonce, route.method) for one in spent]
        )
        for case, against in zip(spent, said, strict=True):
            case.call.counted["nonce"] = against
    for case in cases:
        case.answer = case.call.counted.get("nonce")


def _rates(cases: Sequence[Case]) -> None:
    """Count calls for their clients and persons; too many is the answer.

    The client's rate comes before what is wrong with a call, its person's after it. That a person
    is counted though his client is over its rate changes nothing: their minutes end together.
    """
    new = [case for case in cases if "rate" not in case.call.counted]
    subjects: list[RateSubject] = []
    for case in new:
        subjects.append(rate_of_client(case.call.client))
        if case.person is not None:
            subjects.append(case.person)
    said = iter(rates_count(subjects) if subjects else ())
    for case in new:
        against = next(said)
        of_person = None if case.person is None else next(said)
        case.call.counted["rate"] = against or of_person
    for case in cases:
        case.answer = case.call.counted["rate"] or case.answer


def _read(route: Route, cases: Iterable[Case]) -> None:
    for case in cases:
        case_read(route, case)


def case_read(route: Route, case: Case) -> None:
    """Read key and body, and whom a call is about; what is wrong with them is the answer."""
    call = case.call
    try:
        if route.keyed:
            idempotency_key_check(call.idempotency_key)
        route.size_check(call.body)
        if route.keyed:
            case.idempotency = Idempotency(
                call.idempotency_key,
                request_fingerprint(method=route.method, path=call.path, body=call.body),
            )
        case.path = route.named(call.path)
        case.data = data = route.body(_parsed(call))
        person = route.person(data, case.path)
        if person is not None:
            case.person = rate_of_person(call.client, person)
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


def _decide(route: Route, cases: Sequence[Case]) -> None:
    """Let the service decide what is left, as one list of commands, in order of arrival."""
    _in_their_languages(partial(_command, route, clock.clock_state()), list(_open(cases)))
    left = list(_open(cases))
    if left:
        outcomes = route.decide([case.command for case in left])
        for case, outcome in zip(left, outcomes, strict=True):
            case.outcome = outcome
        _in_their_languages(partial(_word, route), left)


def _word(route: Route, cases: Iterable[Case]) -> None:
    """Turn outcomes into answers; one that many calls share is turned once."""
    answers: dict[int, HotAnswer | DomainError] = {}
    for case in cases:
        answer = answers.get(id(case.outcome))
        if answer is None:
            answer = answers[id(case.outcome)] = route.answer(case.outcome)
        case.answer = answer


def _command(route: Route, clock_state: clock.ClockState, cases: Iterable[Case]) -> None:
    for case in cases:
        call = case.call
        at = clock_state.at(call.received)
        asked = Asked(call.client, case.idempotency, at, case.data, case.path)
        try:
            case.command = route.command(asked)
        except DomainError as error:
            case.answer = error


def _known(error: Exception) -> DomainError:
    return domain_error_of(error) or DomainError("infra.internal_error")
