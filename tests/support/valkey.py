"""A Valkey database number for every test process."""

import contextlib
import os
from urllib.parse import urlsplit, urlunsplit

import psutil
import redis
from django.conf import settings
from django.core.cache import caches

from config.settings.database_settings import cache_settings

CLAIM_KEY = "xfq:test-database:{number}"


def database_claim(redis_url: str) -> str:
    """Return a URL with a database number no other living test process uses, emptied."""
    with redis.Redis.from_url(with_number(redis_url, 0)) as client:
        count = int(client.config_get("databases")["databases"])
        for number in range(1, count):
            key = CLAIM_KEY.format(number=number)
            holder = client.get(key)
            if holder is not None and not psutil.pid_exists(int(holder)):
                client.delete(key)
            if client.set(key, os.getpid(), nx=True):
                url = with_number(redis_url, number)
                database_flush(url)
                return url
    message = f"all {count - 1} databases of the test Valkey are in use"
    raise RuntimeError(message)


def database_release(url: str) -> None:
    """Empty the database and give its number back."""
    database_flush(url)
    number = int(urlsplit(url).path.lstrip("/"))
    with redis.Redis.from_url(with_number(url, 0)) as client:
        client.delete(CLAIM_KEY.format(number=number))


def database_flush(url: str) -> None:
    """Empty the database if it holds anything."""
    with redis.Redis.from_url(url) as client:
        if client.dbsize():
            client.flushdb()


def with_number(url: str, number: int) -> str:
    """Return the URL with another database number."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


def point_settings(url: str) -> None:
    """Make caches and broker use this URL."""
    settings.REDIS_URL = url
    settings.CELERY_BROKER_URL = url
    settings.CACHES = cache_settings(url)
    caches.__dict__.pop("settings", None)
    for alias in settings.CACHES:
        with contextlib.suppress(AttributeError):
            del caches[alias]
