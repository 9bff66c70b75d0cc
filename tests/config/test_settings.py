"""Settings: what production refuses, and that a proper environment passes Django's own check."""

import base64
import os
import secrets
import subprocess
import sys
from collections.abc import Callable

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.settings import demo_values
from config.settings.database_settings import (
    NETWORK,
    database_settings,
    database_url_checked,
    redis_url_checked,
)
from config.settings.keys import versioned_keys
from core.embedded.paths import CHECKOUT


def key(version: int = 1) -> str:
    """A fresh versioned key as the environment holds it."""
    return f"{version}:{base64.b64encode(secrets.token_bytes(32)).decode()}"


def production_environment() -> dict[str, str]:
    """A proper environment for production."""
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ALLOWED_HOSTS": "voucher.example.gov.cn",
        "DATABASE_URL": "postgresql://xfq_app:p@db.internal/xfq",
        "DATABASE_OWNER_URL": "postgresql://xfq_owner:p@db.internal/xfq",
        "REDIS_URL": "redis://cache.internal:6379/0",
        "XFQ_PEPPERS": f"{key(1)},{key(2)}",
        "XFQ_SECRET_KEYS": key(),
    }


def manage(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py in that environment alone."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def deploy_check(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the security checks (they ask no database)."""
    return manage(environment, "check", "--deploy", "--fail-level", "WARNING")


def test_deploy_check_is_clean() -> None:
    done = deploy_check(production_environment())
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", demo_values.SECRET_KEY),
        ("XFQ_PEPPERS", demo_values.PEPPERS),
        ("XFQ_PEPPERS", f"{key(2)},{demo_values.PEPPERS}"),
        ("XFQ_SECRET_KEYS", demo_values.SECRET_KEYS),
        ("XFQ_SECRET_KEYS", "7:" + demo_values.SECRET_KEYS.partition(":")[2]),
    ],
    ids=["key", "pepper", "one pepper of two", "secret key", "secret key renumbered"],
)
def test_production_refuses_demonstration_values(name: str, value: str) -> None:
    done = manage({**production_environment(), name: value}, "check")
    assert done.returncode != 0
    assert f"{name} holds the public demonstration value" in done.stderr


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL", "XFQ_PEPPERS"]
)
def test_production_has_no_defaults(name: str) -> None:
    environment = production_environment()
    del environment[name]
    done = manage(environment, "check")
    assert done.returncode != 0
    assert f"Set the {name} environment variable" in done.stderr


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "postgresql://xfq_app:pa/ss@db.internal:5432/xfq"),
        ("DATABASE_URL", "postgresql://xfq_app:12/34@db.internal:5432/xfq"),
        ("DATABASE_URL", "postgresql://xfq_app:pa#ss@db.internal:5432/xfq"),
        ("DATABASE_URL", "postgresql://xfq_app:pass@db.internal:5432/"),
        ("DATABASE_URL", "mysql://xfq_app:pass@db.internal/xfq"),
        ("DATABASE_OWNER_URL", "postgresql://xfq_owner:pa?ss@db.internal:5432/xfq"),
        ("REDIS_URL", ""),
        ("REDIS_URL", "redis://:pa/ss@cache.internal:6379/0"),
        ("REDIS_URL", "cache.internal:6379"),
    ],
)
def test_a_url_that_is_none_is_said_in_one_line_without_its_password(name: str, url: str) -> None:
    done = manage({**production_environment(), name: url}, "check", "--deploy")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"ImproperlyConfigured: {name} must look like ")
    assert "percent-encoded" in line
    assert "ss@" not in line


@pytest.mark.parametrize(
    ("checked", "url"),
    [
        (database_url_checked, "postgresql://xfq_app@/xfq?host=/run/s"),
        (
            database_url_checked,
            "postgres://xfq_app:pa%2Fss%40%23@db.internal/xfq?sslmode=verify-full",
        ),
        (redis_url_checked, "redis://127.0.0.1:6379"),
        (redis_url_checked, "rediss://user:pa%2Fss@cache.internal:6380/1?ssl_cert_reqs=required"),
        (redis_url_checked, "unix:///run/valkey/valkey.sock?db=1"),
    ],
)
def test_urls_of_every_kind_pass(checked: Callable[[str, str], str], url: str) -> None:
    assert checked("X", url) == url


def test_a_database_that_does_not_answer_is_said_without_a_traceback() -> None:
    environment = production_environment()
    environment["DATABASE_URL"] = "postgresql://xfq_app:secret@127.0.0.1:1/xfq"
    done = manage(environment, "check_invariants")
    assert done.returncode == 1
    assert done.stderr.startswith("OperationalError: connection failed: ")
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" in manage(environment, "check_invariants", "--traceback").stderr


def test_production_refuses_the_demonstration_bench() -> None:
    done = manage({**production_environment(), "XFQ_DEMO": "on"}, "check")
    assert done.returncode != 0
    assert "XFQ_DEMO hands client keys to browsers" in done.stderr


def test_one_role_for_everything_is_warned_of() -> None:
    environment = production_environment()
    del environment["DATABASE_OWNER_URL"]
    done = deploy_check(environment)
    assert "xfq.W001" in done.stderr


def test_development_settings_fail_the_deploy_check() -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "config.settings.development",
    }
    done = deploy_check(environment)
    assert done.returncode != 0
    assert "xfq.E001" in done.stderr
    assert done.stderr.count("xfq.E002") == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must look like"),
        ("aGVsbG8=", "must look like"),
        ("0:aGVsbG8gaGVsbG8gaGVsbG8=", "must look like"),
        ("1:not base64!", "is not base64"),
        ("1:aGVsbG8=", "fewer than 16 bytes"),
        ("1:aGVsbG8gaGVsbG8gaGVsbG8=,1:aGVsbG8gaGVsbG8gaGVsbG8=", "appears twice"),
    ],
)
def test_versioned_keys_refuse(text: str, message: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=message):
        versioned_keys("X", text)


def test_versioned_keys_read() -> None:
    text = "1:aGVsbG8gaGVsbG8gaGVsbG8=, 3:d29ybGQgd29ybGQgd29ybGQ="
    assert versioned_keys("X", text) == {1: b"hello hello hello", 3: b"world world world"}


def test_socket_url_and_owner_fallback() -> None:
    databases = database_settings("postgresql://xfq_app@/xfq?host=/run/s", "", 600)
    assert databases["default"]["OPTIONS"] == {**NETWORK, "host": "/run/s"}
    assert NETWORK["connect_timeout"] == 10
    assert (databases["default"]["USER"], databases["default"]["NAME"]) == ("xfq_app", "xfq")
    assert databases["owner"]["USER"] == "xfq_app"
    assert (databases["default"]["CONN_MAX_AGE"], databases["owner"]["CONN_MAX_AGE"]) == (600, 0)
