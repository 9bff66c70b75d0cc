"""`./run bench peers`: published packages that keep the same promise, on the same PostgreSQL.

django-oscar, or with ``--only pretix`` the other; pretix takes minutes to make its tables.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.published import oscar_beside as oscar
from bench.published import pretix_beside as pretix
from bench.published.environment import Throwaway, throwaway
from bench.published.oscar_beside import OscarBeside
from bench.published.pretix_beside import PretixBeside
from bench.published.rounds import Round, summary
from bench.world import ONE_KEY, world_make
from config.cli.screen import say, step
from core.embedded.supervisor import Supervisor


def bench_peers(options: argparse.Namespace) -> dict[str, Any]:
    """Run the peer that ``--only`` names, django-oscar if it names none."""
    for name, peer in PEERS.items():
        if options.only in name:
            return peer(options)
    raise SystemExit(f"--only is one of {', '.join(PEERS)}")


def _oscar(options: argparse.Namespace) -> dict[str, Any]:
    rounds = options.rounds
    with (
        throwaway(*oscar.REQUIREMENTS) as made,
        oscar.database_of(oscar.services(), "bench_oscar") as env,
    ):
        batches = len(oscar.GROUPS) * rounds
        step(f"a campaign with {batches} batches of {oscar.UNITS}, {oscar.CUSTOMERS} people")
        world = world_make(
            people=oscar.CUSTOMERS, units=oscar.UNITS, batches=batches, kinds=ONE_KEY
        )
        step(f"a shop with {2 * rounds + 1} vouchers")
        beside = OscarBeside(made, env, world, rounds=rounds)
        step(f"{oscar.UNITS} units, {oscar.CUSTOMERS} customers, {oscar.WORKERS} processes")
        figures = _played(beside.play, [*oscar.WAYS * rounds, oscar.SINGLE])
        compared = {
            "units": oscar.UNITS,
            "customers": oscar.CUSTOMERS,
            "processes": oscar.WORKERS,
        }
        pairs = [
            (ours, peer) for ours in oscar.GROUPS for peer in (oscar.CHECKOUT, oscar.VOUCHER_ONLY)
        ]
        return _report(compared, made, ("django-oscar", "django", "psycopg"), figures, pairs)


def _pretix(options: argparse.Namespace) -> dict[str, Any]:
    rounds, units, asked = options.rounds, pretix.UNITS[pretix.CLAIMS], pretix.ASKED[pretix.CLAIMS]
    with (
        throwaway(*pretix.REQUIREMENTS) as made,
        pretix.pretix_environment(oscar.services(), made) as env,
        Supervisor(Path(options.home)) as supervisor,
    ):
        step(f"a campaign with {rounds} batches of {units}, {asked} people")
        world = world_make(people=asked, units=units, batches=rounds, kinds=ONE_KEY)
        step(f"pretix's tables, {rounds} events with a quota of {pretix.UNITS[pretix.ORDERS]}")
        beside = PretixBeside(made, env, world, supervisor, rounds=rounds)
        figures = _played(beside.play, pretix.WAYS * rounds)
        compared = {
            "units": pretix.UNITS,
            "asked": pretix.ASKED,
            "connections": pretix.CONNECTIONS,
        }
        pairs = [(pretix.CLAIMS, pretix.ORDERS)]
        return _report(compared, made, ("pretix", "django", "granian"), figures, pairs)


PEERS = {"oscar": _oscar, "pretix": _pretix}


def _played(play: Callable[[str], Round], ways: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Play the ways in this order; returns medians by way."""
    played: dict[str, list[Round]] = {}
    for way in ways:
        one = play(way)
        played.setdefault(way, []).append(one)
        say(
            f"    {way:<20} {one.played['per_s']:>8} /s"
            f"  {one.counted} of {one.units}, {one.over} too many"
        )
    return {way: summary(rounds) for way, rounds in played.items()}


def _report(
    compared: dict[str, Any],
    made: Throwaway,
    packages: Sequence[str],
    figures: dict[str, dict[str, Any]],
    pairs: Sequence[tuple[str, str]],
) -> dict[str, Any]:
    return {
        "compared": compared,
        "peer": {name: made.packages[name] for name in packages} | {"install_s": made.install_s},
        "figures": figures,
        "ratios": {
            f"{ours}_vs_{peer}": round(
                figures[ours]["accepted_per_s"] / figures[peer]["accepted_per_s"], 2
            )
            for ours, peer in pairs
        },
        "over_use": {way: one["over_use_spread"] for way, one in figures.items()},
    }
