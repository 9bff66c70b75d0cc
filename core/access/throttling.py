"""Soft rate limits per client and per person, by real time; without Valkey nobody is limited."""

import time
from typing import Final

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from core.access.credentials import ClientPrincipal
from core.errors import DomainError
from core.valkey import counter_add

WINDOW_S: Final = 60


class RateLimitedError(DomainError):
    """More requests in a minute than allowed."""

    code = "rate.limited"


def client_rate_check(client: ClientPrincipal) -> None:
    """Count a request of a client.

    Raises:
        RateLimitedError: 429 with Retry-After.
    """
    _check(f"rate:c:{client.code}", client.rate_per_minute)


def person_rate_check(client: ClientPrincipal, person: str) -> None:
    """Count a request about a person (any stable text naming him) through a client.

    Raises:
        RateLimitedError: 429 with Retry-After.
    """
    _check(f"rate:p:{client.code}:{person}", client.person_rate_per_minute)


def _check(name: str, limit: int) -> None:
    now = _seconds()
    window = int(now // WINDOW_S)
    count = counter_add(f"{name}:{window}", seconds=WINDOW_S)
    if count is not None and count > limit:
        wait = max(1, round((window + 1) * WINDOW_S - now))
        raise RateLimitedError(data={"limit": limit, "retry_after_s": wait}, retry_after_s=wait)


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
