"""Soft rate limits per client and per person, by real time; without Valkey nobody is limited."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from core.access.credentials import ClientPrincipal
from core.errors import DomainError
from core.valkey import counters_add

WINDOW_S: Final = 60


class RateLimitedError(DomainError):
    """More requests in a minute than allowed."""

    code = "rate.limited"


class RateSubject(NamedTuple):
    """Whose requests are counted together, and how many a minute he has."""

    name: str
    limit: int


def rate_of_client(client: ClientPrincipal) -> RateSubject:
    """Return what all requests of a client count for."""
    return RateSubject(f"rate:c:{client.code}", client.rate_per_minute)


def rate_of_person(client: ClientPrincipal, person: UUID | str) -> RateSubject:
    """Return what requests about a person through a client count for."""
    name = person.hex if isinstance(person, UUID) else person
    return RateSubject(f"rate:p:{client.code}:{name}", client.person_rate_per_minute)


def client_rate_check(client: ClientPrincipal) -> None:
    """Count a request of a client.

    Raises:
        RateLimitedError: 429 with Retry-After.
    """
    _raise_first(rates_count([rate_of_client(client)]))


def person_rate_check(client: ClientPrincipal, person: UUID | str) -> None:
    """Count a request about a person (an id, or the channel's name of him) through a client.

    Raises:
        RateLimitedError: 429 with Retry-After.
    """
    _raise_first(rates_count([rate_of_person(client, person)]))


def rates_count(subjects: Sequence[RateSubject]) -> list[RateLimitedError | None]:
    """Count one request per entry, in one round trip; say of each whether it was too much.

    Requests of one subject count in their order: of those that arrive together the first ones
    pass.
    """
    now = _seconds()
    window = int(now // WINDOW_S)
    totals = Counter([subject.name for subject in subjects])
    reached = counters_add(
        {f"{name}:{window}": number for name, number in totals.items()}, seconds=WINDOW_S
    )
    if reached is None:
        return [None] * len(subjects)
    wait = max(1, round((window + 1) * WINDOW_S - now))
    before = {
        name: count - number for (name, number), count in zip(totals.items(), reached, strict=True)
    }
    answers: list[RateLimitedError | None] = []
    for name, limit in subjects:
        before[name] += 1
        answers.append(_limited(limit, wait) if before[name] > limit else None)
    return answers


def _limited(limit: int, wait_s: int) -> RateLimitedError:
    return RateLimitedError(data={"limit": limit, "retry_after_s": wait_s}, retry_after_s=wait_s)


def _raise_first(answers: Iterable[RateLimitedError | None]) -> None:
    for error in answers:
        if error is not None:
            raise error


def _seconds() -> float:
    return time.time()


class ClientThrottle(BaseThrottle):
    """REST framework's way to the same check."""

    def allow_request(self, request: Request, view: object) -> bool:
        """Count the request; RateLimitedError instead of False."""
        del view
        if isinstance(request.auth, ClientPrincipal):
            client_rate_check(request.auth)
        return True
