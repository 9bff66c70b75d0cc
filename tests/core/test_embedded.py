"""Embedded servers: started once, found again, stopped, with roles that cannot do too much."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from core.embedded import services as services_module
from core.embedded.errors import EmbeddedError
from core.embedded.paths import CHECKOUT, data_root, instance_paths
from core.embedded.processes import pid_from_file, stop_pid
from core.embedded.record import ServiceUrls, record_read
from core.embedded.services import (
    ensure_services,
    services,
    services_for,
    services_reset,
    services_stop,
)

INSTANCE = f"pytest-{os.getpid()}"

HOLDER = """
import sys, time
from core.embedded.services import services
with services(fsync=False, instance=sys.argv[1]) as urls:
    print(urls.database_url, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def instance() -> Iterator[str]:
    """An instance nobody else uses, removed afterwards."""
    services_reset(INSTANCE)
    yield INSTANCE
    remove(INSTANCE)


def remove(instance: str) -> None:
    """Take an instance away, folder and all."""
    services_reset(instance)
    shutil.rmtree(instance_paths(instance).home, ignore_errors=True)


def server_pids(instance: str) -> tuple[int | None, int | None]:
    """Process ids of PostgreSQL and Valkey, None where not running."""
    paths = instance_paths(instance)
    return (
        pid_from_file(paths.postgres_data / "postmaster.pid", str(paths.postgres_data)),
        pid_from_file(paths.valkey_data / "valkey.pid", str(paths.valkey_data)),
    )


def write_marks(urls: ServiceUrls) -> None:
    """Put one row and one key in."""
    with psycopg.connect(urls.owner_url) as connection:
        connection.execute("CREATE TABLE mark (n int); INSERT INTO mark VALUES (42)")
    with redis.Redis.from_url(urls.redis_url) as client:
        client.set("mark", "42")


def read_marks(urls: ServiceUrls) -> tuple[int, bytes]:
    """Read them back."""
    with psycopg.connect(urls.owner_url) as connection:
        row = connection.execute("SELECT n FROM mark").fetchone()
    assert row is not None
    with redis.Redis.from_url(urls.redis_url) as client:
        return row[0], client.get("mark")


def test_roles_and_data_survive_a_stop(instance: str) -> None:
    with services(fsync=False, instance=instance) as urls:
        with psycopg.connect(urls.database_url) as connection:
            roles = connection.execute(
                "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolcanlogin"
                " FROM pg_roles WHERE rolname LIKE 'xfq%' ORDER BY rolname"
            ).fetchall()
            owner = connection.execute(
                "SELECT pg_get_userbyid(datdba), datlocprovider FROM pg_database"
                " WHERE datname = current_database()"
            ).fetchone()
        assert roles == [
            ("xfq_app", False, False, False, False, True),
            ("xfq_owner", False, True, False, False, True),
        ]
        assert owner == ("xfq_owner", "b")
        with (
            psycopg.connect(urls.database_url) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("CREATE TABLE public.t (n int)")
        with redis.Redis.from_url(urls.redis_url) as client:
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert client.config_get("appendonly") == {"appendonly": "yes"}
        write_marks(urls)
        pids = server_pids(instance)
    assert all(pids)
    assert server_pids(instance) == (None, None)
    assert not any(psutil.pid_exists(pid) for pid in pids if pid)
    assert record_read(instance_paths(instance).record) is None

    with services(fsync=False, instance=instance) as again:
        assert again == urls, "URLs stay the same over a restart"
        assert read_marks(again) == (42, b"42")
        assert server_pids(instance) != pids


def test_reattach_after_the_launcher_was_killed(instance: str) -> None:
    launcher = subprocess.Popen(
        [sys.executable, "-c", HOLDER, instance], stdout=subprocess.PIPE, cwd=CHECKOUT
    )
    assert launcher.stdout is not None
    assert launcher.stdout.readline().startswith(b"postgresql://xfq_app@")
    pids = server_pids(instance)
    assert all(pids)
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    launcher.stdout.close()
    assert server_pids(instance) == pids, "the servers outlive their launcher"

    with services(fsync=False, instance=instance) as urls:
        assert server_pids(instance) == pids, "attached, not started a second time"
        write_marks(urls)
        assert read_marks(urls) == (42, b"42")
    assert server_pids(instance) == (None, None)


def test_crash_of_the_servers_loses_no_acknowledged_data(instance: str) -> None:
    urls = ensure_services(instance=instance)
    write_marks(urls)
    for pid in server_pids(instance):
        assert pid is not None
        process = psutil.Process(pid)
        process.kill()
        process.wait()
    urls = ensure_services(instance=instance)
    assert read_marks(urls) == (42, b"42")


def test_last_user_stops_and_a_kept_instance_stays(instance: str) -> None:
    with services(fsync=False, instance=instance):
        with services(fsync=False, instance=instance):
            pids = server_pids(instance)
        assert server_pids(instance) == pids, "the first user still needs them"
    assert server_pids(instance) == (None, None)

    ensure_services(fsync=False, instance=instance)
    pids = server_pids(instance)
    with services(fsync=False, instance=instance):
        assert server_pids(instance) == pids
    assert server_pids(instance) == pids
    assert services_stop(instance) is True
    assert server_pids(instance) == (None, None)
    assert services_stop(instance) is False


def test_the_other_durability_is_refused(instance: str) -> None:
    ensure_services(fsync=False, instance=instance)
    pids = server_pids(instance)
    with pytest.raises(EmbeddedError, match="without fsync"):
        ensure_services(fsync=True, instance=instance)
    assert server_pids(instance) == pids


def test_a_full_disk_is_said(instance: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services_module, "MIN_FREE_BYTES", 1 << 62)
    with pytest.raises(EmbeddedError, match="MB free under"):
        ensure_services(instance=instance)
    assert server_pids(instance) == (None, None)


def test_a_taken_port_is_replaced(instance: str) -> None:
    first = ensure_services(fsync=False, instance=instance)
    paths = instance_paths(instance)
    services_stop(instance)
    with services(fsync=False, instance=f"{instance}-b") as stranger:
        port = stranger.redis_url.rpartition(":")[2].removesuffix("/0")
        (paths.home / "valkey.port").write_text(port)
        second = ensure_services(fsync=False, instance=instance)
        assert second.redis_url != stranger.redis_url
        assert second.database_url == first.database_url
    remove(f"{instance}-b")


def test_named_services_are_used_as_they_are() -> None:
    named = {"DATABASE_URL": "postgresql://a@h/d", "REDIS_URL": "redis://h:1/0"}
    with services_for(named, instance="never-started") as urls:
        assert urls == ServiceUrls("postgresql://a@h/d", "postgresql://a@h/d", "redis://h:1/0")
    assert not (data_root() / "never-started").exists()


def test_socket_path_fits(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    socket = instance_paths("default", deep).sockets / ".s.PGSQL.5432"
    assert len(str(socket)) < 107


def test_a_server_is_gone_although_its_parent_took_no_note() -> None:
    starts = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", f"{starts}; time.sleep(60)"], stdout=subprocess.PIPE
    ) as parent:
        try:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            started = time.monotonic()
            assert stop_pid(pid, [(signal.SIGKILL, 20.0)])
            assert time.monotonic() - started < 10
            assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        finally:
            parent.kill()
