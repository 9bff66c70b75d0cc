"""Databases, caches and broker from their URLs."""

from typing import Any

import environ

# A server that vanished without a word is noticed in half a minute; Unix sockets ignore these.
NETWORK = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 35_000,
}


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
