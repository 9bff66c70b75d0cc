"""Databases, caches and broker from their URLs."""

from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

# A server that vanished without a word is noticed in half a minute; Unix sockets ignore these.
NETWORK = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 35_000,
}


DATABASE_SHAPE = "postgresql://user:password@host:5432/database"
REDIS_SHAPE = "redis://:password@host:6379/0"


def url_required(name: str, url: str, shape: str) -> str:
    """Return a URL of the environment variable ``name`` that has the shape.

    Raises ImproperlyConfigured without naming the URL: it holds a password, and one with ``/``,
    ``#`` or ``?`` in it is what most often spoils a URL.
    """
    schemes = ("redis", "rediss", "unix") if shape == REDIS_SHAPE else ("postgresql", "postgres")
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError:
        parts = urlsplit("")
    path = parts.path.removeprefix("/")
    is_whole = parts.scheme in schemes and not parts.fragment and "@" not in path
    if shape == DATABASE_SHAPE:
        is_whole = is_whole and bool(path) and "/" not in path
    elif parts.scheme != "unix":
        is_whole = is_whole and bool(parts.hostname)
    if not is_whole:
        message = f"{name} must look like {shape}, other signs in a password percent-encoded"
        raise ImproperlyConfigured(message)
    return url


def database_settings(url: str, owner_url: str, conn_max_age: int) -> dict[str, Any]:
    """Django's DATABASES: `default` is the app role, `owner` the role that runs migrations.

    Without an owner URL both are the same role (single-role mode; the deploy check warns).
    """
    return {
        "default": _one(url, conn_max_age),
        "owner": _one(owner_url or url, 0),
    }


def _one(url: str, conn_max_age: int) -> dict[str, Any]:
    parsed: dict[str, Any] = dict(environ.Env.db_url_config(url))
    # A worker keeps its connection between tasks; a dead one is replaced before use.
    parsed["CONN_MAX_AGE"] = conn_max_age
    parsed["CONN_HEALTH_CHECKS"] = conn_max_age > 0
    parsed["ENGINE"] = "django.db.backends.postgresql"
    parsed["OPTIONS"] = {**NETWORK, **parsed.get("OPTIONS", {})}
    return parsed


def cache_settings(redis_url: str) -> dict[str, Any]:
    """Django's CACHES on Redis/Valkey: a loss of it may refuse or slow down, never grant."""
    return {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": redis_url,
            "KEY_PREFIX": "xfq",
        },
    }
