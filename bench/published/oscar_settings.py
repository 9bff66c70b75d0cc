"""The smallest django-oscar project: its own apps, PostgreSQL as PGHOST … PGDATABASE name it."""

import os

from oscar import INSTALLED_APPS  # noqa: F401 - read by Django
from oscar.defaults import *  # noqa: F403 - how oscar is set up

SECRET_KEY = "bench"  # noqa: S105 - guards nothing
DEBUG = False
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["PGDATABASE"],
        "CONN_MAX_AGE": None,
    }
}
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SITE_ID = 1
USE_TZ = True
