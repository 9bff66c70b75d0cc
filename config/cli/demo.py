"""`./run demo`: the whole platform on this machine."""

import argparse
import os
import subprocess
import sys

from config.cli.platform import platform_environment, platform_start, port_choose
from config.cli.screen import say, step
from core.embedded.errors import EmbeddedError
from core.embedded.paths import CHECKOUT, instance_paths
from core.embedded.record import ServiceUrls
from core.embedded.services import services_for
from core.embedded.supervisor import Supervisor

INSTANCE = "default"


def run(argv: list[str]) -> int:
    """Start services and processes, serve until Ctrl-C (or `--no-serve`), stop them again."""
    parser = argparse.ArgumentParser(prog="./run demo")
    parser.add_argument("--no-serve", action="store_true", help="stop when everything has started")
    parser.add_argument("--port", type=int, help="port of the web address (default 8000 or free)")
    options = parser.parse_args(argv)
    home = instance_paths(INSTANCE).home
    with Supervisor(home) as supervisor:
        port = port_choose(options.port)
        step("starting PostgreSQL and Valkey")
        with services_for(os.environ, instance=INSTANCE) as urls:
            say(f"    data and logs: {home}")
            migrate(urls)
            step("starting web, worker and beat")
            address = platform_start(supervisor, urls, port, {"XFQ_DEMO": "on"})
            say(f"    {address}/")
            if not options.no_serve:
                say("serving; Ctrl-C stops everything")
                _serve(supervisor)
            step("stopping")
            supervisor.stop_all()
    return 0


def migrate(urls: ServiceUrls) -> None:
    """Bring the database's tables up to date, as the owner role; EmbeddedError if that fails."""
    step("migrating the database")
    command = [sys.executable, "manage.py", "migrate", "--database=owner", "--verbosity=1"]
    done = subprocess.run(command, cwd=CHECKOUT, env=platform_environment(urls), check=False)
    if done.returncode != 0:
        message = "the database could not be migrated, see above"
        raise EmbeddedError(message)


def _serve(supervisor: Supervisor) -> None:
    try:
        supervisor.wait()
    except KeyboardInterrupt:
        say("")
