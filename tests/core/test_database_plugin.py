"""The suite's own databases: isolation, roles, clones."""

import subprocess
import sys
import threading

import psycopg
import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import InternalError, ProgrammingError, connection, connections
from django.utils import timezone

from core.embedded.paths import CHECKOUT
from core.embedded.record import ServiceUrls


def session_create(key: str) -> None:
    """Write one row through the app role."""
    Session.objects.create(session_key=key, session_data="", expire_date=timezone.now())


@pytest.mark.django_db
@pytest.mark.parametrize("turn", [1, 2])
def test_ordinary_tests_roll_back(turn: int) -> None:
    assert Session.objects.count() == 0
    session_create(f"turn-{turn}")
    assert Session.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("two_roles")
def test_tests_run_as_the_app_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, rolsuper, rolbypassrls, current_database() FROM pg_roles"
            " WHERE rolname = current_user"
        )
        role, superuser, bypass, database = cursor.fetchone()
    assert (role, superuser, bypass) == (settings.DATABASES["default"]["USER"], False, False)
    assert database.startswith("xfq_t_")


@pytest.mark.django_db
@pytest.mark.usefixtures("two_roles")
@pytest.mark.parametrize("statement", ["TRUNCATE django_session", "CREATE TABLE other (n int)"])
def test_the_app_role_may_not_change_the_schema(statement: str) -> None:
    with pytest.raises((ProgrammingError, InternalError), match="permission denied"):
        connection.cursor().execute(statement)


@pytest.mark.parametrize("turn", [1, 2])
def test_own_database_sees_commits_of_threads_and_starts_clean(
    own_database: ServiceUrls, turn: int
) -> None:
    assert Session.objects.count() == 0

    def work(number: int) -> None:
        session_create(f"thread-{number}")
        connections.close_all()

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Session.objects.count() == 4
    with psycopg.connect(own_database.owner_url) as owner:
        assert owner.execute("SELECT count(*) FROM django_session").fetchone() == (4,)


def test_own_database_serves_a_child_process(own_database: ServiceUrls) -> None:
    code = (
        "import django; django.setup()\n"
        "from django.contrib.sessions.models import Session\n"
        "from django.utils import timezone\n"
        "Session.objects.create(session_key='child', session_data='',"
        " expire_date=timezone.now())\n"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=CHECKOUT,
        env={**own_database.environment(), "DJANGO_SETTINGS_MODULE": "config.settings.development"},
    )
    assert list(Session.objects.values_list("session_key", flat=True)) == ["child"]


@pytest.mark.django_db
@pytest.mark.parametrize("turn", [1, 2])
def test_the_cache_is_empty_and_ours(turn: int) -> None:
    assert cache.get("turn") is None
    cache.set("turn", turn)
    assert cache.get("turn") == turn
    assert not settings.REDIS_URL.endswith("/0")


def test_transactional_tests_are_refused(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    pytester.makeconftest("from tests.plugin import pytest_collection_modifyitems")
    pytester.makepyfile(
        "import pytest\n@pytest.mark.django_db(transaction=True)\ndef test_flush(): pass\n"
    )
    result = pytester.runpytest_subprocess("-p", "no:django", "-p", "no:cacheprovider")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*use the fixture own_database instead*"])
