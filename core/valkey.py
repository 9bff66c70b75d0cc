"""Valkey for what may be lost: nonces and soft rate limits. It may refuse, never grant.

Calls answer None when the server is away, and are not tried again for a second, so that its loss
costs no request more than one short time-out.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Final

import redis
import structlog
from django.conf import settings

TIMEOUT_S: Final = 0.25
PAUSE_S: Final = 1.0
PREFIX: Final = "xfq:"

_lock = threading.Lock()
_clients: dict[str, redis.Redis] = {}
_away_until: dict[str, float] = {}
log = structlog.get_logger(__name__)


def keys_claim(names: Sequence[str], *, seconds: int) -> list[bool] | None:
    """Set each key once, in one round trip; None without the server.

    Tells of each whether it was new: of one named twice only the first is.
    """
    answer = _call("eval", _CLAIM, len(names), *(PREFIX + name for name in names), seconds)
    if not isinstance(answer, list):
        return None
    return [first == 1 for first in answer]


def counters_add(numbers: Mapping[str, int], *, seconds: int) -> list[int] | None:
    """Count up each name by its number, in one round trip; None without the server.

    A counter ends ``seconds`` after its first use. Returns the counts reached, in order.
    """
    names = [PREFIX + name for name in numbers]
    answer = _call("eval", _COUNT, len(names), *names, seconds, *numbers.values())
    return answer if isinstance(answer, list) else None


_AWAY: Final = object()
_CLAIM: Final = """
local first = {}
for i, name in ipairs(KEYS) do
    first[i] = redis.call('SET', name, 1, 'NX', 'EX', ARGV[1]) and 1 or 0
end
return first
"""
# One call, so that a counter never lives without its end.
_COUNT: Final = """
local reached = {}
for i, name in ipairs(KEYS) do
    local number = tonumber(ARGV[i + 1])
    reached[i] = redis.call('INCRBY', name, number)
    if reached[i] == number then redis.call('EXPIRE', name, ARGV[1]) end
end
return reached
"""


def _call(command: str, *args: object, **options: object) -> object:
    url: str = settings.REDIS_URL
    if time.monotonic() < _away_until.get(url, 0.0):
        return _AWAY
    try:
        return getattr(_client(url), command)(*args, **options)
    except redis.RedisError as error:
        _away_until[url] = time.monotonic() + PAUSE_S
        # Callers are told to try later; only here is said why, e.g. a wrong password.
        log.warning("valkey_away", reason=str(error))
        return _AWAY


def _client(url: str) -> redis.Redis:
    """Return the process's connection pool for a URL; redis-py makes it anew after a fork."""
    client = _clients.get(url)
    if client is None:
        with _lock:
            client = _clients.setdefault(
                url,
                redis.Redis.from_url(
                    url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
                ),
            )
    return client
