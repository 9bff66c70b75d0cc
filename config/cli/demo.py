"""`./run demo`: the whole platform on this machine, with a programme played in it once."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import redis

from config.cli.platform import platform_environment, platform_start, port_choose
from config.cli.player import Played, play
from config.cli.screen import say, step
from core.embedded.databases import database_recreate, database_used
from core.embedded.errors import EmbeddedError
from core.embedded.paths import CHECKOUT, instance_paths
from core.embedded.record import ServiceUrls
from core.embedded.services import services_for
from core.embedded.supervisor import Supervisor

INSTANCE = "default"
SCALE = 1000
SEED = 33
DEMO_ENV = {"XFQ_DEMO": "on"}


def run(argv: list[str]) -> int:
    """Start everything, play the programme once, serve until Ctrl-C, stop what was started."""
    parser = argparse.ArgumentParser(prog="./run demo")
    parser.add_argument("--no-serve", action="store_true", help="end after the table")
    parser.add_argument("--port", type=int, help="port of the web address (default 8000 or free)")
    parser.add_argument("--scale", type=int, default=SCALE, help="1:SCALE of the published totals")
    options = parser.parse_args(argv)
    home = instance_paths(INSTANCE).home
    with Supervisor(home) as supervisor:
        port = port_choose(options.port)
        step("starting PostgreSQL and Valkey")
        with services_for(os.environ, instance=INSTANCE) as urls:
            say(f"    data and logs: {home}")
            before = _played_before(home, urls)
            if before is None:
                _clear_the_stage(urls)
            migrate(urls)
            step("starting front, web, worker and beat")
            address = platform_start(supervisor, urls, port, DEMO_ENV)
            env = platform_environment(urls) | DEMO_ENV
            played = before or _play(supervisor, env, address, options.scale)
            _manage(env, "demo_bench")
            _show(played, address)
            if not options.no_serve:
                say("serving; Ctrl-C stops everything")
                _serve(supervisor)
            step("stopping")
            supervisor.stop_all()
    return 0 if played.figures["reconciles"] else 1


def migrate(urls: ServiceUrls) -> None:
    """Bring the database's tables up to date, as the owner role; EmbeddedError if that fails."""
    step("migrating the database")
    env = platform_environment(urls)
    _manage(env, "migrate", "--database=owner", "--verbosity=0")


def _manage(env: Mapping[str, str], *arguments: str) -> None:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=CHECKOUT, env=dict(env), check=False)
    if done.returncode != 0:
        message = f"`manage.py {arguments[0]}` failed, see above"
        raise EmbeddedError(message)


def _record(home: Path) -> Path:
    return home / "demo.json"


def _played_before(home: Path, urls: ServiceUrls) -> Played | None:
    """Return what was played in this very database, if it was played to the end."""
    try:
        record = json.loads(_record(home).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if record["database"] != urls.database_url or not database_used(urls):
        return None
    return Played(record["figures"], record["table"])


def _clear_the_stage(urls: ServiceUrls) -> None:
    """Begin with an empty database: a programme that broke off half-way cannot be gone on with."""
    if not database_used(urls):
        return
    if "DATABASE_URL" in os.environ:
        message = "the database in DATABASE_URL is in use; the demonstration needs an empty one"
        raise EmbeddedError(message)
    step("the programme was not played to the end: beginning again with an empty database")
    database_recreate(urls)
    with redis.Redis.from_url(urls.redis_url) as broker:
        broker.flushdb()


def _play(supervisor: Supervisor, env: Mapping[str, str], address: str, scale: int) -> Played:
    step(f"playing the programme at 1:{scale} (once; later starts go on from here)")
    played = play(supervisor, env, address, scale=scale, seed=SEED)
    record = {"database": env["DATABASE_URL"], "figures": played.figures, "table": played.table}
    path = _record(supervisor.home)
    temporary = path.with_suffix(".tmp")
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
    temporary.replace(path)
    return played


def _show(played: Played, address: str) -> None:
    played.show()
    say(f"    {address}/         staff (log-ins below)")
    say(f"    {address}/demo/    演示台: a phone, a till and the live books")
    say(f"    {address}/api/docs/")
    for name, password in played.figures["logins"].items():
        say(f"    {name:<12} {password}")


def _serve(supervisor: Supervisor) -> None:
    try:
        supervisor.wait()
    except KeyboardInterrupt:
        say("")
