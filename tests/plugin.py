"""pytest plugin: real PostgreSQL and Valkey for every test process.

* `db` (pytest-django): the process's own clone of the migrated template, rolled back per test.
* `own_database`: a clone for one test alone, for threads, commits and subprocesses.

Servers are started only where DATABASE_URL / REDIS_URL are unset; only those run without fsync.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from django.utils import translation
from pytest_django import DjangoDbBlocker

from core.clock import clock_forget
from core.embedded.databases import database_drop, database_urls
from core.embedded.record import ServiceUrls
from core.embedded.services import services_for
from tests.support import databases, valkey

STACK = pytest.StashKey[ExitStack]()
URLS = pytest.StashKey[ServiceUrls]()
EMBEDDED = pytest.StashKey[bool]()
TRANSACTIONAL = {"transactional_db", "live_server", "django_db_reset_sequences"}


@dataclass(frozen=True, slots=True)
class Template:
    """The migrated template database and the servers it lies on."""

    urls: ServiceUrls
    name: str


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start or find the servers; workers inherit their URLs through the environment."""
    if config.option.collectonly or config.option.help:
        return
    stack = config.stash[STACK] = ExitStack()
    config.stash[EMBEDDED] = "DATABASE_URL" not in os.environ and not _is_worker(config)
    urls = stack.enter_context(services_for(os.environ, fsync=False, instance="test"))
    os.environ.update(urls.environment())
    redis_url = valkey.database_claim(urls.redis_url)
    stack.callback(valkey.database_release, redis_url)
    valkey.point_settings(redis_url)
    config.stash[URLS] = ServiceUrls(urls.database_url, urls.owner_url, redis_url)
    if config.stash[EMBEDDED]:
        databases.abandoned_drop(config.stash[URLS])


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Drop what this process made; the last process out stops servers it had started."""
    stack = config.stash.get(STACK, None)
    if stack is not None:
        stack.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse tests that would flush tables, and mark those with a database of their own."""
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        marker = item.get_closest_marker("django_db")
        transactional = marker is not None and (
            marker.kwargs.get("transaction") or (marker.args and marker.args[0])
        )
        if transactional or names & TRANSACTIONAL:
            message = (
                f"{item.nodeid}: transactional tests flush tables, which append-only tables "
                "forbid; use the fixture own_database instead"
            )
            raise pytest.UsageError(message)
        if "own_database" in names:
            if marker is not None or "db" in names:
                message = f"{item.nodeid}: own_database excludes django_db and db"
                raise pytest.UsageError(message)
            item.add_marker("own_database")


@pytest.fixture(scope="session")
def service_urls(pytestconfig: pytest.Config) -> ServiceUrls:
    """URLs of the servers; the Valkey database is this process's own."""
    return pytestconfig.stash[URLS]


@pytest.fixture(scope="session")
def two_roles(service_urls: ServiceUrls) -> None:
    """Skip what rights prove where one role owns all tables: none are withheld from it."""
    if service_urls.database_url == service_urls.owner_url:
        pytest.skip("DATABASE_OWNER_URL names no second role, so no right is withheld")


@pytest.fixture(scope="session")
def database_template(
    pytestconfig: pytest.Config, service_urls: ServiceUrls, django_db_blocker: DjangoDbBlocker
) -> Template:
    """The migrated template; `--create-db` makes it anew."""
    with django_db_blocker.unblock():
        rebuild = bool(pytestconfig.getvalue("create_db")) and not _is_worker(pytestconfig)
        return Template(service_urls, databases.template_ensure(service_urls, rebuild=rebuild))


@pytest.fixture(scope="session")
def django_db_setup(
    database_template: Template, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Replace pytest-django's own database with this process's clone."""
    urls = database_template.urls
    name = databases.clone_create(urls, database_template.name)
    with django_db_blocker.unblock():
        databases.point_connections(database_urls(urls, name))
    yield
    with django_db_blocker.unblock():
        databases.point_connections(urls)
    database_drop(urls, name)


def assert_sound() -> None:
    """Assert that no check of `check_invariants` finds anything in the present database.

    Tests play at fixed moments of the past, so a hold under way at their end looks forgotten.
    """
    from core.invariants.services import invariants_check

    failed = {result.name: result.rows for result in invariants_check().failed}
    failed.pop("redemption.no_orphan_hold", None)
    assert failed == {}, "the test left unsound books behind"


@pytest.fixture
def own_database(
    request: pytest.FixtureRequest,
    django_db_setup: None,
    database_template: Template,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[ServiceUrls]:
    """A migrated database for this test alone, with commits, threads and subprocesses allowed.

    Both aliases point at it meanwhile; `own_database.environment()` is for a child process. Every
    invariant holds at the end, unless the test is marked ``broken_books``.
    """
    urls = database_template.urls
    name = databases.clone_create(urls, database_template.name)
    own = database_urls(urls, name)
    with django_db_blocker.unblock():
        before = databases.present_urls()
        databases.point_connections(own)
        try:
            yield own
            if request.node.get_closest_marker("broken_books") is None:
                assert_sound()
        finally:
            databases.point_connections(before)
            database_drop(urls, name)


@pytest.fixture(params=["django", "front"])
def both_ways(request: pytest.FixtureRequest) -> Iterator[None]:
    """Send posts to hot routes through REST framework, then through the front."""
    from tests.support.api import HOT_WAY

    token = HOT_WAY.set(request.param)
    yield
    HOT_WAY.reset(token)


@pytest.fixture(autouse=True)
def _fresh_clock() -> Iterator[None]:
    """Forget the business clock read from a database that the next test does not see."""
    clock_forget()
    yield
    clock_forget()


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    """Leave no language behind: a page asked for in English keeps it for its thread."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def _clean_valkey(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave no cache entry or message for the next test."""
    yield
    if {"db", "own_database"} & set(request.fixturenames) or request.node.get_closest_marker(
        "django_db"
    ):
        valkey.database_flush(request.config.stash[URLS].redis_url)
