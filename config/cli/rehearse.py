"""`./run rehearse`: a whole programme on a fresh database with processes of its own.

With ``--forecast`` a campaign is played in memory instead, and nothing is written.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from config.cli.demo import migrate
from config.cli.platform import platform_environment, platform_start
from config.cli.player import Played, play
from config.cli.screen import say, step
from core.embedded.databases import (
    database_create,
    database_drop,
    database_migrated,
    database_urls,
)
from core.embedded.errors import EmbeddedError
from core.embedded.paths import CHECKOUT, instance_paths
from core.embedded.record import ServiceUrls
from core.embedded.services import services_for
from core.embedded.supervisor import Supervisor
from core.embedded.valkey import free_port

INSTANCE = "rehearsal"
VALKEY_NUMBER = 9
SCALE = 1000


def run(argv: list[str]) -> int:
    """Play, print the table, write report and JSON; 0 only if everything reconciles."""
    parser = argparse.ArgumentParser(prog="./run rehearse")
    parser.add_argument(
        "--scale",
        type=int,
        help=f"1:SCALE of the published totals (default {SCALE}); of a forecast the sample",
    )
    parser.add_argument("--days", type=int, help="all of it in so many days: a shorter rehearsal")
    parser.add_argument("--seed", type=int, default=33, help="another world, same totals")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--faults", action="store_true", help="kill processes, flush Valkey")
    parser.add_argument("--keep", action="store_true", help="keep the database afterwards")
    parser.add_argument(
        "--forecast", action="store_true", help="forecast --campaign in memory; writes nothing"
    )
    parser.add_argument(
        "--campaign", help="of a forecast: a definition file, or the code of a campaign"
    )
    parser.add_argument(
        "--param", action="append", default=[], help="of a forecast: NAME=VALUE, may be repeated"
    )
    options = parser.parse_args(argv)
    if options.forecast:
        given = [name for name in ("days", "faults", "keep") if getattr(options, name)]
        if given:
            parser.error(f"--{given[0]} does not go with --forecast")
        if not options.campaign:
            parser.error("--forecast needs --campaign: a definition file, or a campaign's code")
        return forecast(options)
    if options.campaign or options.param:
        parser.error("--campaign and --param belong to --forecast")
    scale = SCALE if options.scale is None else options.scale
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
            step(f"playing the programme at 1:{scale}")
            played = play(
                supervisor,
                platform_environment(urls),
                address,
                scale=scale,
                seed=options.seed,
                days=options.days,
                faults=options.faults,
            )
            supervisor.stop_all()
    return conclude(played, options.json)


def forecast(options: argparse.Namespace) -> int:
    """Run `manage.py campaign_forecast` on the database there is; its exit code.

    An embedded database nobody has used yet gets its tables first: a definition is checked against
    the regions in it. Another one is left as it is.
    """
    argv = ["campaign_forecast", options.campaign, f"--seed={options.seed}"]
    argv += [f"--param={text}" for text in options.param]
    argv += [f"--scale={options.scale}"] if options.scale is not None else []
    # Relative to where the person is, not to the checkout.
    argv += [f"--json={options.json.absolute()}"] if options.json else []
    if Path(options.campaign).is_file():
        argv[1] = str(Path(options.campaign).absolute())
    with services_for(os.environ) as urls:
        if not database_migrated(urls):
            if "DATABASE_URL" in os.environ:
                message = "the database in DATABASE_URL has no tables: `./run manage migrate` first"
                raise EmbeddedError(message)
            migrate(urls)
        return subprocess.run(
            [sys.executable, "manage.py", *argv],
            cwd=CHECKOUT,
            env={**os.environ, **urls.environment()},
            check=False,
        ).returncode


def conclude(played: Played, target: Path | None) -> int:
    """Print the table, write the JSON file, and return the exit code."""
    played.show()
    if target:
        # Who may log in and where files lie is this machine's: figures are handed on.
        told = {name: figure for name, figure in played.figures.items() if name != "logins"}
        told["files"] = sorted(played.figures["files"])
        text = json.dumps(told, ensure_ascii=False, indent=2)
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
