"""Databases of the test-suite: one migrated template, cheap clones of it.

A clone costs about 0.2 s. TRUNCATE is no way to clean up: it is slower with many tables, and the
application's role may not truncate append-only tables at all.
"""

import hashlib
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from psycopg.conninfo import conninfo_to_dict

from config.settings.database_settings import database_settings
from core.embedded.databases import database_create, database_urls, owner_run
from core.embedded.record import ServiceUrls

TEMPLATE_PREFIX = "xfq_template_"
CLONE_PREFIX = "xfq_t_"
TEMPLATES_KEPT = 6
ADVISORY_LOCK = 7_301_001
ALIASES = ("default", "owner")
DATA_SUFFIXES = {".sql", ".csv", ".json", ".yaml", ".yml"}

_clone_numbers = itertools.count(1)


def point_connections(urls: ServiceUrls) -> None:
    """Make both aliases use these URLs, in this thread and in every later one."""
    fresh = database_settings(urls.database_url, urls.owner_url, conn_max_age=0)
    for alias in ALIASES:
        connections[alias].close()
        # All wrappers share this dictionary, so it is changed in place.
        shared: dict[str, Any] = connections.settings[alias]
        for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS"):
            shared[key] = fresh[alias].get(key, "")
    _present[:] = [urls]


_present: list[ServiceUrls] = []


def present_urls() -> ServiceUrls:
    """Return the URLs both aliases use now."""
    return _present[-1]


@contextmanager
def _maintenance(owner_url: str) -> Iterator[psycopg.Connection]:
    """Connect as the owner, outside transactions, with the suite's advisory lock held."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        yield connection


def schema_digest(roles: str) -> str:
    """Return a digest of what a migration run depends on: roles, migrations, SQL and data files."""
    digest = hashlib.sha256(roles.encode())
    for app in sorted(apps.get_app_configs(), key=lambda one: one.label):
        folder = Path(app.path)
        files = [*folder.glob("migrations/*.py")]
        if folder.is_relative_to(settings.BASE_DIR) and ".venv" not in folder.parts:
            files += [path for path in folder.rglob("*") if path.suffix in DATA_SUFFIXES]
        for path in sorted(files):
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _template_name(urls: ServiceUrls) -> str:
    """Return a name for this schema and these roles, to one of which migrations grant rights."""
    roles = [conninfo_to_dict(url).get("user") for url in (urls.database_url, urls.owner_url)]
    return f"{TEMPLATE_PREFIX}{schema_digest(str(roles))}"


def template_ensure(urls: ServiceUrls, *, rebuild: bool) -> str:
    """Return the name of the migrated template, making it first if its files have changed."""
    name = _template_name(urls)
    with _maintenance(urls.owner_url) as connection:
        known = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [name]
        ).fetchone()
        if known and not rebuild:
            return name
        unfinished = f"{CLONE_PREFIX}{os.getpid()}_template"
        owner_run(connection, "DROP DATABASE IF EXISTS {}", unfinished)
        owner_run(connection, "CREATE DATABASE {}", unfinished)
        point_connections(database_urls(urls, unfinished))
        call_command("migrate", database="owner", verbosity=0, interactive=False)
        for alias in ALIASES:
            connections[alias].close()
        owner_run(connection, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        owner_run(connection, "ALTER DATABASE {} RENAME TO {}", unfinished, name)
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
            " AND datdba = current_user::regrole ORDER BY oid DESC OFFSET %s",
            [TEMPLATE_PREFIX, TEMPLATES_KEPT],
        ).fetchall()
        for (old,) in rows:
            owner_run(connection, "DROP DATABASE IF EXISTS {} WITH (FORCE)", old)
    return name


def clone_create(urls: ServiceUrls, template: str) -> str:
    """Make a clone that names this process, so that a later run knows when it is abandoned."""
    name = f"{CLONE_PREFIX}{os.getpid()}_{next(_clone_numbers)}"
    database_create(urls, name, template)
    return name


def abandoned_drop(urls: ServiceUrls) -> None:
    """Drop the clones of processes of this machine that no longer live (embedded server only)."""
    with _maintenance(urls.owner_url) as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [CLONE_PREFIX]
        ).fetchall()
        for (name,) in rows:
            if not psutil.pid_exists(int(name.removeprefix(CLONE_PREFIX).split("_")[0])):
                owner_run(connection, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
