"""`./run bench peers`: published packages that keep the same promise, on the same PostgreSQL."""

import argparse
from typing import Any

from bench.published.environment import throwaway
from bench.published.oscar_beside import (
    CHECKOUT,
    CUSTOMERS,
    GROUPS,
    REQUIREMENTS,
    SINGLE,
    UNITS,
    VOUCHER_ONLY,
    WAYS,
    WORKERS,
    OscarBeside,
    database_of,
    services,
)
from bench.published.rounds import Round, summary
from bench.world import ONE_KEY, world_make
from config.cli.screen import say, step


def bench_peers(options: argparse.Namespace) -> dict[str, Any]:
    """Play rounds of every way in turn."""
    with throwaway(*REQUIREMENTS) as made, database_of(services(), "bench_oscar") as env:
        batches = len(GROUPS) * options.rounds
        step(f"a campaign with {batches} batches of {UNITS}, {CUSTOMERS} people")
        world = world_make(people=CUSTOMERS, units=UNITS, batches=batches, kinds=ONE_KEY)
        step(f"a shop with {batches + 1} vouchers")
        beside = OscarBeside(made, env, world, rounds=options.rounds)
        step(f"{UNITS} units, {CUSTOMERS} customers, {WORKERS} processes")
        played: dict[str, list[Round]] = {way: [] for way in (*WAYS, SINGLE)}
        for way in [*WAYS * options.rounds, SINGLE]:
            played[way].append(beside.play(way))
            one = played[way][-1]
            say(
                f"    {way:<20} {one.played['per_s']:>8} /s"
                f"  {one.counted} of {one.units}, {one.over} too many {one.played['errors']}"
            )
    figures = {way: summary(rounds) for way, rounds in played.items()}
    return {
        "compared": {"units": UNITS, "customers": CUSTOMERS, "processes": WORKERS},
        "peer": {name: made.packages[name] for name in ("django-oscar", "django", "psycopg")}
        | {"install_s": made.install_s},
        "figures": figures,
        "ratios": {
            f"{ours}_vs_{peer}": round(
                figures[ours]["accepted_per_s"] / figures[peer]["accepted_per_s"], 2
            )
            for ours in GROUPS
            for peer in (CHECKOUT, VOUCHER_ONLY)
        },
        "over_use": {way: figures[way]["over_use_spread"] for way in figures},
    }
