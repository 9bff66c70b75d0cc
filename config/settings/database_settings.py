"""Databases, caches and broker from their URLs."""

from typing import Any

import environ

CONNECT_TIMEOUT_S = 10


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
    parsed["OPTIONS"] = {"connect_timeout": CONNECT_TIMEOUT_S, **parsed.get("OPTIONS", {})}
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
