"""`python -m bench NAME`: called by `./run bench` with services in the environment."""

import argparse
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import django
import orjson

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.development")
django.setup()

from django.db import connection, connections  # noqa: E402 - needs the settings

from bench import claims, grants  # noqa: E402
from bench.world import ONE_KEY, THREE_KEYS, world_make  # noqa: E402
from config.cli.screen import say, step  # noqa: E402
from core.embedded.supervisor import Supervisor  # noqa: E402
from core.ids import to_public  # noqa: E402
from core.invariants.services import invariants_check  # noqa: E402
from vouchers.models import Batch, Claim  # noqa: E402

UNITS = 200_000
PEOPLE = 120_000


def machine() -> dict[str, Any]:
    """Describe machine and versions."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT version(), current_setting('fsync'), current_setting('synchronous_commit')"
        )
        postgres, fsync, synchronous = cursor.fetchone()
    return {
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "postgresql": postgres.split(" on ")[0],
        "fsync": fsync,
        "synchronous_commit": synchronous,
        "packages": {name: version(name) for name in ("django", "granian", "psycopg", "orjson")},
    }


def bench_claims(options: argparse.Namespace) -> dict[str, Any]:
    """Accepted claims on one hot batch, beside its peers; sold out; latency at 64 clients."""
    kinds = THREE_KEYS if options.three_keys else ONE_KEY
    rounds = options.rounds
    step(f"a campaign with {3 * rounds + 2} batches, {PEOPLE} people, keys {kinds}")
    world = world_make(people=PEOPLE, units=UNITS, batches=3 * rounds + 2, kinds=kinds)
    left = iter(to_public("bat", batch.pk) for batch in world.batches)
    batch_next = left.__next__
    figures: dict[str, Any] = {}
    with Supervisor(Path(options.home)) as supervisor:
        for clients in (256, 64):
            step(f"{clients} clients")
            ways = {claims.FRONT: 60_000, claims.BARE_REPLY: 100_000}
            if clients == 256:
                ways |= {claims.NAIVE: 3_000, claims.BARE_DJANGO: 50_000}
            figures[str(clients)] = claims.rounds_play(
                supervisor,
                world,
                ways,
                clients=clients,
                seconds=options.seconds,
                rounds=rounds,
                batch_next=batch_next,
            )
            for name, one in figures[str(clients)].items():
                say(f"    {name:<12} {one['per_s']:>9} /s  p50 {one['p50_ms']} p99 {one['p99_ms']}")
                say(f"    {'':<12} CPU µs {one['cpu_us']}")
    return {"figures": figures, "ratios": ratios(figures), **truth()}


def ratios(figures: dict[str, Any]) -> dict[str, float]:
    """Return what is compared."""
    many, few = figures["256"], figures["64"]
    front = many["front"]["per_s"]
    return {
        "claims_vs_naive": round(front / many["naive"]["per_s"], 2),
        "claims_vs_bare_reply": round(front / many["bare_reply"]["per_s"], 3),
        "claims_vs_bare_django": round(front / many["bare_django"]["per_s"], 2),
        "p99_vs_bare_reply_256": round(many["front"]["p99_ms"] / many["bare_reply"]["p99_ms"], 2),
        "p99_vs_bare_reply_64": round(few["front"]["p99_ms"] / few["bare_reply"]["p99_ms"], 2),
    }


def truth() -> dict[str, Any]:
    """Say whether anything was issued that was not there, and whether the books are sound."""
    over = sum(max(0, batch.issued - batch.released) for batch in Batch.objects.all())
    report = invariants_check()
    return {
        "oversold": over,
        "claims": Claim.objects.count(),
        "invariants": {"checks": len(report.results), "violations": report.violations},
    }


def bench_grant(options: argparse.Namespace) -> dict[str, Any]:
    """A grant to many people beside bare COPY."""
    return {**grants.bench_grant(rows=options.rows, kinds=_kinds(options)), **truth()}


def bench_sweep(options: argparse.Namespace) -> dict[str, Any]:
    """The sweep of many vouchers beside one bare UPDATE."""
    return {**grants.bench_sweep(rows=options.rows, kinds=_kinds(options)), **truth()}


def _kinds(options: argparse.Namespace) -> tuple[str, ...]:
    return THREE_KEYS if options.three_keys else ONE_KEY


BENCHES = {"claims": bench_claims, "grant": bench_grant, "sweep": bench_sweep}


def main() -> int:
    """Run one measurement and write its figures."""
    parser = argparse.ArgumentParser(prog="./run bench")
    parser.add_argument("name", choices=sorted(BENCHES))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=6.0, help="length of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of a grant or a sweep")
    parser.add_argument("--three-keys", action="store_true", help="three limit keys a claim")
    parser.add_argument("--home", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    report = {"bench": options.name, "command": " ".join(sys.argv[1:]), "machine": machine()}
    report |= BENCHES[options.name](options)
    connections.close_all()
    text = orjson.dumps(report, option=orjson.OPT_INDENT_2)
    if options.json:
        options.json.write_bytes(text + b"\n")
    say(orjson.dumps(report.get("ratios", {}), option=orjson.OPT_INDENT_2).decode())
    return 0 if report["invariants"]["violations"] == report["oversold"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
