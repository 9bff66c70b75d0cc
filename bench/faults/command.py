"""`./run bench faults`: each fault so many times under load, on the whole platform."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.db import connections

from bench.faults.kinds import FAULTS, POSTGRES_STOP, Platform
from bench.faults.play import Load, Player, line, loop_run, loop_thread, times_play
from bench.faults.proxy import CuttingProxy
from bench.world import ONE_KEY, BenchWorld, world_make
from config.cli.platform import platform_start
from config.cli.screen import say, step
from core import clock
from core.embedded.databases import owner_run
from core.embedded.errors import EmbeddedError
from core.embedded.record import ServiceUrls
from core.embedded.services import instance_servers
from core.embedded.supervisor import Supervisor
from core.embedded.valkey import HOST, free_port
from core.invariants.services import invariants_check
from merchants.models import Terminal
from vouchers.models import Batch, Claim

LOAD = Load(people=160, units=148, shoppers=48)
"""Some people more than units, so that every round sells out."""
PEOPLE = 40 * LOAD.people
"""So many that nobody is asked for so often within a minute that his rate is used up."""
CONTROLS = 2


def bench_faults(options: argparse.Namespace) -> dict[str, Any]:
    """Make every fault, check after each, and the books at the end."""
    home = Path(options.home)
    postgres, valkey = instance_servers(home.name)
    urls = ServiceUrls(
        os.environ["DATABASE_URL"], os.environ["DATABASE_OWNER_URL"], os.environ["REDIS_URL"]
    )
    if str(postgres.paths.sockets) not in urls.database_url:
        raise EmbeddedError("faults are made on embedded servers only: unset DATABASE_URL")
    chosen = [fault for fault in FAULTS if options.only in fault.name]
    batches = len(chosen) * options.times + CONTROLS
    step(f"a campaign with {batches} batches, {PEOPLE} people")
    world = world_make(people=PEOPLE, units=LOAD.units, batches=batches, kinds=ONE_KEY)
    log_file = home / "logs" / "faults-answers.jsonl"
    log_file.unlink(missing_ok=True)
    say(f"    every answer: {log_file}")
    proxy = CuttingProxy(str(postgres.paths.sockets))
    found: dict[str, Any] = {}
    with loop_thread() as loop, Supervisor(home) as supervisor:
        platform = Platform(supervisor, postgres, valkey, proxy, urls.redis_url)
        through = loop_run(loop, proxy.start())
        player = Player(
            world=world,
            load=LOAD,
            port=0,
            tills=list(Terminal.objects.values_list("store__store_no", "terminal_no")),
            paid_at=clock.now().isoformat(timespec="seconds"),
            loop=loop,
            log_file=log_file,
            seed=options.seed,
        )
        connections.close_all()
        for proxied in (True, False):
            faults = [fault for fault in chosen if fault.proxied is proxied]
            if proxied and not faults:
                continue
            with served(supervisor, urls, through if proxied else None) as player.port:
                for fault in faults:
                    step(fault.name)
                    found[fault.name] = times_play(player, fault, platform, times=options.times)
                if not proxied:
                    books = conclusion(world)
                    control = control_play(player, platform, urls)
        loop.call_soon_threadsafe(proxy.stop)
    wrong = sum(one["wrong"] + sum(one["violations"].values()) for one in found.values())
    return {"wrong": wrong, **books, "found_by_control": control, "faults": found}


def control_play(player: Player, platform: Platform, urls: ServiceUrls) -> int:
    """Stop PostgreSQL while it answers before the disk has the commit; return what was wrong.

    Were that nothing, the checks would see nothing.
    """
    step("control: PostgreSQL answers before a commit is on the disk")
    name = urlsplit(urls.database_url).path.lstrip("/")
    with psycopg.connect(urls.owner_url, autocommit=True) as connection:
        owner_run(connection, "ALTER DATABASE {} SET synchronous_commit = off", name)
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
            [name],
        )
    rounds = [player.play(POSTGRES_STOP, platform, -number) for number in range(1, CONTROLS + 1)]
    for played in rounds:
        say(f"        {line(played)}")
    return sum(played["wrong"] for played in rounds)


@contextmanager
def served(supervisor: Supervisor, urls: ServiceUrls, through: int | None) -> Iterator[int]:
    """Serve the whole platform, its database behind the proxy's port if one is given."""
    env = {} if through is None else {"DATABASE_URL": proxied_url(urls.database_url, through)}
    port = free_port()
    step("starting front, web, proxy, worker and beat")
    platform_start(supervisor, urls, port, env)
    try:
        yield port
    finally:
        supervisor.stop_all()


def proxied_url(database_url: str, port: int) -> str:
    """Return the URL of the same role and database by way of a port."""
    account, _, rest = database_url.partition("@/")
    name = rest.partition("?")[0]
    return f"{account}@{HOST}:{port}/{name}?sslmode=disable&gssencmode=disable"


def conclusion(world: BenchWorld) -> dict[str, Any]:
    """Say what the database holds in the end."""
    report = invariants_check()
    batches = Batch.objects.filter(pk__in=[batch.pk for batch in world.batches])
    return {
        "oversold": sum(max(0, batch.issued - batch.released) for batch in batches),
        "claims": Claim.objects.count(),
        "invariants": {"checks": len(report.results), "violations": report.violations},
    }
