"""Settings of a developer's machine and of the demonstration."""

from config.settings import demo_values
from config.settings.base import *  # noqa: F403
from config.settings.base import env
from config.settings.database_settings import cache_settings, database_settings
from config.settings.keys import versioned_keys
from core.embedded.record import running_urls

DEBUG = env.bool("XFQ_DEBUG", default=False)
XFQ_DEMO = env.bool("XFQ_DEMO", default=False)
SECRET_KEY = env("SECRET_KEY", default=demo_values.SECRET_KEY)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]", "testserver"])

# Without URLs in the environment: the embedded servers of this checkout, if they run.
_running = running_urls()
DATABASES = database_settings(
    url=env("DATABASE_URL", default=_running.database_url),
    owner_url=env(
        "DATABASE_OWNER_URL",
        default="" if "DATABASE_URL" in env.ENVIRON else _running.owner_url,
    ),
    conn_max_age=env.int("CONN_MAX_AGE", default=600),
)
REDIS_URL = env("REDIS_URL", default=_running.redis_url)
CACHES = cache_settings(REDIS_URL)
CELERY_BROKER_URL = REDIS_URL

XFQ_PEPPERS = versioned_keys("XFQ_PEPPERS", env("XFQ_PEPPERS", default=demo_values.PEPPERS))
XFQ_SECRET_KEYS = versioned_keys(
    "XFQ_SECRET_KEYS", env("XFQ_SECRET_KEYS", default=demo_values.SECRET_KEYS)
)

STORAGES = {
    **STORAGES,  # noqa: F405
    # No manifest: pages work before collectstatic has run.
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
