"""`./run rehearse`: a whole programme on a fresh database with processes of its own."""

import argparse
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from config.cli.demo import migrate
from config.cli.platform import platform_environment, platform_start
from config.cli.player import Played, play
from config.cli.screen import say, step
from core.embedded.databases import database_create, database_drop, database_urls
from core.embedded.paths import instance_paths
from core.embedded.record import ServiceUrls
from core.embedded.services import services_for
from core.embedded.supervisor import Supervisor
from core.embedded.valkey import free_port

INSTANCE = "rehearsal"
VALKEY_NUMBER = 9


def run(argv: list[str]) -> int:
    """Play, print the table, write report and JSON; 0 only if everything reconciles."""
    parser = argparse.ArgumentParser(prog="./run rehearse")
    parser.add_argument("--scale", type=int, default=1000, help="1:SCALE of the published totals")
    parser.add_argument("--days", type=int, help="all of it in so many days: a shorter rehearsal")
    parser.add_argument("--seed", type=int, default=33, help="another world, same totals")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--faults", action="store_true", help="kill processes, flush Valkey")
    parser.add_argument("--keep", action="store_true", help="keep the database afterwards")
    options = parser.parse_args(argv)
    home = instance_paths(INSTANCE).home
    with Supervisor(home) as supervisor:
        step("starting PostgreSQL and Valkey")
        with (
            services_for(os.environ, instance=INSTANCE) as services,
            fresh_database(services, keep=options.keep) as urls,
        ):
            say(f"    data and logs: {home}")
            migrate(urls)
            step("starting front, web, worker and beat")
            address = platform_start(supervisor, urls, free_port())
            step(f"playing the programme at 1:{options.scale}")
            played = play(
                supervisor,
                platform_environment(urls),
                address,
                scale=options.scale,
                seed=options.seed,
                days=options.days,
                faults=options.faults,
            )
            supervisor.stop_all()
    return conclude(played, options.json)


def conclude(played: Played, target: Path | None) -> int:
    """Print the table, write the JSON file, and return the exit code."""
    played.show()
    if target:
        text = json.dumps(played.figures, ensure_ascii=False, indent=2)
        target.write_text(f"{text}\n", encoding="utf-8")
        say(f"    figures: {target}")
    return 0 if played.figures["reconciles"] else 1


@contextmanager
def fresh_database(services: ServiceUrls, *, keep: bool = False) -> Iterator[ServiceUrls]:
    """Make an empty database with a broker of its own; it is dropped unless it is to be kept."""
    name = f"rehearsal_{secrets.token_hex(4)}"
    database_create(services, name)
    urls = database_urls(services, name, VALKEY_NUMBER)
    with redis.Redis.from_url(urls.redis_url) as broker:
        broker.flushdb()  # messages of a rehearsal that was broken off
    try:
        yield urls
    finally:
        if keep:
            say(f"    database {name} is kept")
        else:
            database_drop(services, name)
