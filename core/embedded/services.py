"""Both servers of an instance as one thing: ensure, use, stop, reset.

Launchers on one checkout meet here: starting and stopping happens under one lock, and every
user of an instance takes part in a second, shared lock, so the last one out can stop it.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from core.embedded.binaries import postgres_bin, valkey_server
from core.embedded.errors import EmbeddedError
from core.embedded.locks import exclusive, is_shared, shared_acquire
from core.embedded.paths import InstancePaths, instance_paths, server_account
from core.embedded.postgres import APP_ROLE, OWNER_ROLE, PostgresServer
from core.embedded.record import Record, ServiceUrls, record_read, record_write
from core.embedded.valkey import ValkeyServer

MIN_FREE_BYTES = 500 * 1024 * 1024


def ensure_services(
    fsync: bool = True, instance: str = "default", root: Path | None = None
) -> ServiceUrls:
    """Start the instance's servers, or attach to them, and leave them running.

    `fsync=False` gives up durability and is only for the test-suite. EmbeddedError names what is
    wrong with the machine (disk, rights, port) or that the servers run with the other setting.
    """
    paths = instance_paths(instance, root)
    _make_folders(paths)
    with exclusive(paths.lock):
        return _start(paths, fsync=fsync, keep=True)


@contextmanager
def services(
    fsync: bool = True, instance: str = "default", root: Path | None = None
) -> Iterator[ServiceUrls]:
    """Use the instance's servers; the last user stops them unless they were there to stay."""
    paths = instance_paths(instance, root)
    _make_folders(paths)
    with exclusive(paths.lock):
        urls = _start(paths, fsync=fsync, keep=False)
        part = shared_acquire(_use_lock(paths))
    try:
        yield urls
    finally:
        os.close(part)
        with exclusive(paths.lock):
            record = record_read(paths.record)
            if record is not None and not record.keep and not is_shared(_use_lock(paths)):
                _stop(paths)


@contextmanager
def services_for(
    environ: Mapping[str, str], *, fsync: bool = True, instance: str = "default"
) -> Iterator[ServiceUrls]:
    """Use the services the environment names, and embedded ones for what it does not name.

    DATABASE_OWNER_URL falls back to DATABASE_URL (one role for both).
    """
    database_url = environ.get("DATABASE_URL", "")
    owner_url = environ.get("DATABASE_OWNER_URL", "") or database_url
    redis_url = environ.get("REDIS_URL", "")
    if database_url and redis_url:
        yield ServiceUrls(database_url, owner_url, redis_url)
        return
    with services(fsync=fsync, instance=instance) as embedded:
        yield ServiceUrls(
            database_url or embedded.database_url,
            owner_url or embedded.owner_url,
            redis_url or embedded.redis_url,
        )


def services_stop(instance: str = "default", root: Path | None = None) -> bool:
    """Stop the instance's servers whoever uses them; tell whether any ran."""
    paths = instance_paths(instance, root)
    if not paths.home.is_dir():
        return False
    with exclusive(paths.lock):
        return _stop(paths)


def services_reset(instance: str = "default", root: Path | None = None) -> None:
    """Stop the servers and delete their data, logs and sockets."""
    paths = instance_paths(instance, root)
    if not paths.home.is_dir():
        return
    with exclusive(paths.lock):
        _stop(paths)
        shutil.rmtree(paths.sockets, ignore_errors=True)
        for path in paths.home.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path != paths.lock:
                path.unlink()


def instance_servers(instance: str = "default") -> tuple[PostgresServer, ValkeyServer]:
    """Return the durable servers of an instance, whoever started them: to break them on purpose."""
    return _servers(instance_paths(instance), fsync=True)


def _servers(paths: InstancePaths, *, fsync: bool) -> tuple[PostgresServer, ValkeyServer]:
    account = server_account()
    copies = paths.home.parent / "programs"
    return (
        PostgresServer(paths, postgres_bin(copies, account), account, fsync),
        ValkeyServer(paths, valkey_server(copies, account), account),
    )


def _start(paths: InstancePaths, *, fsync: bool, keep: bool) -> ServiceUrls:
    for private in [paths.sockets, paths.valkey_data]:
        _make_private(private)
    postgres, valkey = _servers(paths, fsync=fsync)
    record = record_read(paths.record)
    if record is not None and record.fsync != fsync and postgres.pid() is not None:
        state = "without" if fsync else "with"
        message = (
            f"the servers under {paths.home} already run {state} fsync; "
            "stop them first with `./run stop`"
        )
        raise EmbeddedError(message)
    kept = keep or (record is not None and record.keep)
    started = [postgres.start(), valkey.start()]
    if started[0]:
        postgres.prepare()
    urls = ServiceUrls(postgres.url(APP_ROLE), postgres.url(OWNER_ROLE), valkey.url())
    record_write(paths.record, Record(urls=urls, fsync=fsync, keep=kept))
    return urls


def _stop(paths: InstancePaths) -> bool:
    servers = _servers(paths, fsync=True)
    running = [server for server in servers if server.pid() is not None]
    for server in running:
        server.stop()
    paths.record.unlink(missing_ok=True)
    return bool(running)


def _use_lock(paths: InstancePaths) -> Path:
    return paths.home / "use.lock"


def _make_folders(paths: InstancePaths) -> None:
    try:
        for folder in [paths.home.parent, paths.home, paths.logs]:
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            if folder.stat().st_uid != os.geteuid():
                message = f"{folder} belongs to another user; remove it or run as that user"
                raise EmbeddedError(message)
        free = shutil.disk_usage(paths.home).free
    except OSError as error:
        message = f"cannot create {paths.home}: {error.strerror}"
        raise EmbeddedError(message) from error
    if free < MIN_FREE_BYTES:
        message = (
            f"only {free // 1024**2} MB free under {paths.home}, "
            f"{MIN_FREE_BYTES // 1024**2} MB are needed; free some space and start again"
        )
        raise EmbeddedError(message)


def _make_private(folder: Path) -> None:
    """Create a folder that only the servers' account may enter; refuse a stranger's."""
    account = server_account()
    uid = os.geteuid() if account is None else account.pw_uid
    try:
        folder.mkdir(mode=0o700)
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
    except FileExistsError:
        if folder.is_symlink() or folder.stat().st_uid != uid:
            message = f"{folder} belongs to another user; remove it"
            raise EmbeddedError(message) from None
