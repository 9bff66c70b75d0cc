"""Settings of the test-suite; the servers' URLs are set by tests/plugin.py."""

from config.settings.development import *  # noqa: F403

DEBUG = False
SECRET_KEY = "test-only-secret-key-0123456789abcdef0123456789abcdef"  # noqa: S105
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Log-in throttling is tested where it is switched on; elsewhere it would count other tests.
AXES_ENABLED = False
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
WHITENOISE_AUTOREFRESH = True
# Tests change clients and expect the next request to know.
XFQ_CREDENTIALS_KEPT_S = 0.0
