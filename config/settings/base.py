"""Settings shared by every environment; values that differ come from the environment."""

from pathlib import Path

import environ
from django.utils.translation import gettext_lazy as _

from config.settings.admin_settings import UNFOLD  # noqa: F401 - a setting
from config.settings.api_settings import (
    REST_FRAMEWORK,  # noqa: F401 - a setting
    SPECTACULAR_SETTINGS,  # noqa: F401 - a setting
)
from config.settings.celery_settings import *  # noqa: F403 - every name is CELERY_…
from config.settings.logging_settings import logging_config
from config.settings.security_settings import *  # noqa: F403 - every name is a Django setting

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parents[2]
# Working files of a process: sockets, logs, beat state, generated reports.
RUN_DIR = Path(env("XFQ_RUN_DIR", default=str(BASE_DIR / ".run")))
FILES_DIR = Path(env("XFQ_FILES_DIR", default=str(RUN_DIR / "files")))

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "config.admin_config.HouseAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "axes",
    "csp",
    "pgtrigger",
    "django_celery_beat",
    "django_structlog",
    "core",
    "merchants",
    "campaigns",
    "vouchers",
    "redemption",
    "config.apps.ConfigConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.middleware.AdminCspMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "core.User"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("简体中文")), ("en", _("英语"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
# A rehearsal may move the business clock; production refuses a database where that happened.
XFQ_CLOCK_MOVABLE = True
# /demo/ hands the demonstration's own keys to the browser; never in production.
XFQ_DEMO = False

# (from this amount in fen on, levels that must agree): above 1,000,000 yuan the 分管领导 signs too.
XFQ_APPROVAL_TIERS = [(0, 1), (100_000_000, 2)]

# How long a process keeps a client's credentials: a revoked key stops within this time.
XFQ_CREDENTIALS_KEPT_S = 1.0

STATIC_URL = "/static/"
STATIC_ROOT = RUN_DIR / "static"
STATICFILES_DIRS = [path for path in [BASE_DIR / "config" / "static"] if path.is_dir()]
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": FILES_DIR},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

LOGGING = logging_config(level=env("XFQ_LOG_LEVEL", default="INFO"))
