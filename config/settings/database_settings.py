"""Databases, caches and broker from their URLs."""

import re
from typing import Any

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


_AUTHORITY = r"([^/?#]*@)?(\[[^]/]*\]|[^/?#@:]*)(:\d+)?"
_DATABASE_URL = re.compile(rf"postgres(ql)?://{_AUTHORITY}/[^/?#@]+(\?[^#]*)?")
_REDIS_URL = re.compile(rf"rediss?://{_AUTHORITY}(/\d*)?(\?[^#]*)?|unix://[^#]+")


def database_url_checked(name: str, url: str) -> str:
    """Return the URL of a database from the environment variable ``name``.

    Raises ImproperlyConfigured, without the URL: it holds a password, and one with ``/``, ``#`` or
    ``?`` in it is what most often spoils a URL.
    """
    return _checked(name, url, _DATABASE_URL, "postgresql://user:password@host:5432/database")


def redis_url_checked(name: str, url: str) -> str:
    """Return the URL of a Redis or Valkey, as `database_url_checked` does."""
    return _checked(name, url, _REDIS_URL, "redis://:password@host:6379/0")


def _checked(name: str, url: str, shape: re.Pattern[str], example: str) -> str:
    if not shape.fullmatch(url):
        message = f"{name} must look like {example}, other signs in a password percent-encoded"
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
