"""Settings of a real installation: everything from the environment, no demonstration value."""

from django.core.exceptions import ImproperlyConfigured

from config.settings import demo_values
from config.settings.base import *  # noqa: F403
from config.settings.base import env
from config.settings.database_settings import (
    cache_settings,
    database_settings,
    database_url_checked,
    redis_url_checked,
)
from config.settings.keys import versioned_keys

DEBUG = False
XFQ_CLOCK_MOVABLE = False
if env.bool("XFQ_DEMO", default=False):
    _message = "XFQ_DEMO hands client keys to browsers: never in production"
    raise ImproperlyConfigured(_message)
SECRET_KEY = env("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

for _name, _demo in [
    ("SECRET_KEY", demo_values.SECRET_KEY),
    ("XFQ_PEPPERS", demo_values.PEPPERS),
    ("XFQ_SECRET_KEYS", demo_values.SECRET_KEYS),
]:
    # One demonstration value among several versions is as public as the whole string.
    if any(part in env(_name) for part in [_demo, _demo.partition(":")[2] or _demo]):
        _message = f"{_name} holds the public demonstration value"
        raise ImproperlyConfigured(_message)

_owner_url = env("DATABASE_OWNER_URL", default="")
DATABASES = database_settings(
    url=database_url_checked("DATABASE_URL", env("DATABASE_URL")),
    owner_url=_owner_url and database_url_checked("DATABASE_OWNER_URL", _owner_url),
    conn_max_age=env.int("CONN_MAX_AGE", default=600),
)
REDIS_URL = redis_url_checked("REDIS_URL", env("REDIS_URL"))
CACHES = cache_settings(REDIS_URL)
CELERY_BROKER_URL = env("CELERY_BROKER_URL", default=REDIS_URL)

XFQ_PEPPERS = versioned_keys("XFQ_PEPPERS", env("XFQ_PEPPERS"))
XFQ_SECRET_KEYS = versioned_keys("XFQ_SECRET_KEYS", env("XFQ_SECRET_KEYS"))

# TLS ends at the reverse proxy, which must set this header itself (deploy/).
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^api/v1/health/"]  # probes come from inside, without TLS
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
