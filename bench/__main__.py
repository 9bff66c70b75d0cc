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
from bench.faults.command import bench_faults  # noqa: E402
from bench.pairs import bench_pairs  # noqa: E402
from bench.published.command import bench_peers  # noqa: E402
from bench.quotes import bench_quotes  # noqa: E402
from bench.world import CHANNEL, ONE_KEY, THREE_KEYS, BenchWorld, world_make  # noqa: E402
from config.cli.screen import say, step  # noqa: E402
from core import clock  # noqa: E402
from core.access.models import Client  # noqa: E402
from core.embedded.errors import EmbeddedError  # noqa: E402
from core.embedded.supervisor import Supervisor  # noqa: E402
from core.ids import from_public, to_public  # noqa: E402
from core.invariants.services import invariants_check  # noqa: E402
from vouchers.models import Batch, Claim  # noqa: E402
from vouchers.services.claim_commands import ClaimCommand  # noqa: E402
from vouchers.services.claims import vouchers_claim  # noqa: E402

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
    many = {
        claims.FRONT: 60_000,
        claims.BARE_REPLY: 100_000,
        claims.READ_REPLY: 100_000,
        claims.SOLD_OUT: 100_000,
        claims.NAIVE: 3_000,
        claims.GATE: 20_000,
        claims.BARE_DJANGO: 50_000,
        claims.FRONT_APART: 60_000,
        claims.TWO_FRONTS: 60_000,
    }
    few = {claims.FRONT: 60_000, claims.BARE_REPLY: 100_000, claims.READ_REPLY: 100_000}
    batches = 1 + rounds * sum(way.writes for way in [*many, *few])
    step(f"a campaign with {batches} batches, {PEOPLE} people, keys {kinds}")
    world = world_make(people=PEOPLE, units=UNITS, batches=batches, kinds=kinds, last_units=1)
    with connections["owner"].cursor() as cursor:
        cursor.execute(GATE_TABLE)
    *full, last = [to_public("bat", batch.pk) for batch in world.batches]
    sold_out(world, last)
    left = iter(full)
    figures: dict[str, Any] = {}
    with Supervisor(Path(options.home)) as supervisor:
        for clients, ways in ((256, many), (64, few)):
            step(f"{clients} clients")
            figures[str(clients)] = claims.rounds_play(
                supervisor,
                world,
                ways,
                clients=clients,
                seconds=options.seconds,
                rounds=rounds,
                batch_next=left.__next__,
                empty=last,
            )
            for name, one in figures[str(clients)].items():
                say(f"    {name:<12} {one['per_s']:>9} /s  p50 {one['p50_ms']} p99 {one['p99_ms']}")
                say(f"    {'':<12} CPU µs {one['cpu_us']}")
    return {
        "figures": figures,
        "ratios": ratios(figures),
        "false_refusals": false_refusals(figures),
        **truth(),
    }


GATE_TABLE = """
    CREATE TABLE bench_gate (id uuid PRIMARY KEY, batch_id uuid NOT NULL, person_id uuid NOT NULL,
                             key text NOT NULL UNIQUE, at timestamptz NOT NULL)
"""


def sold_out(world: BenchWorld, batch_id: str) -> None:
    """Take the only unit of a batch."""
    batch, person = from_public("bat", batch_id), from_public("per", world.people[0])
    client = Client.objects.get(code=CHANNEL)
    if batch is None or person is None:
        raise AssertionError(batch_id)
    command = ClaimCommand(
        client_id=client.pk,
        idempotency_key="bench-last-unit-1",
        fingerprint="",
        enrolment_id=person,
        batch_id=batch,
        at=clock.now(),
        client_region=None,
    )
    (outcome,) = vouchers_claim(commands=[command])
    if outcome.claim is None:
        raise AssertionError(outcome.refusals)


def false_refusals(figures: dict[str, Any]) -> int:
    """Count refusals of claims on batches that never ran out."""
    return sum(
        count
        for ways in figures.values()
        for name in ("front", "front_apart", "two_fronts")
        for one in ways.get(name, {}).get("rounds", ())
        for status, count in one["statuses"].items()
        if str(status) == "409"
    )


def ratios(figures: dict[str, Any]) -> dict[str, float]:
    """Return what is compared."""
    many, few = figures["256"], figures["64"]

    def rate(name: str, than: str) -> float:
        return float(round(many[name]["per_s"] / many[than]["per_s"], 3))

    def p99(ways: dict[str, Any], than: str = "bare_reply") -> float:
        return float(round(ways["front"]["p99_ms"] / ways[than]["p99_ms"], 2))

    return {
        "claims_vs_naive": rate("front", "naive"),
        "claims_vs_bare_reply": rate("front", "bare_reply"),
        "claims_vs_read_reply": rate("front", "read_reply"),
        "claims_vs_gate_insert": rate("front", "gate_insert"),
        "claims_vs_bare_django": rate("front", "bare_django"),
        "refusals_vs_bare_reply": rate("sold_out", "bare_reply"),
        "refusals_vs_read_reply": rate("sold_out", "read_reply"),
        "two_fronts_vs_one": rate("two_fronts", "front_apart"),
        "two_fronts_vs_naive": rate("two_fronts", "naive"),
        "p99_vs_bare_reply_256": p99(many),
        "p99_vs_bare_reply_64": p99(few),
        "p99_vs_read_reply_256": p99(many, "read_reply"),
        "p99_vs_read_reply_64": p99(few, "read_reply"),
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


def bench_of_pairs(options: argparse.Namespace) -> dict[str, Any]:
    """Hold and confirm in pairs, beside claims."""
    return {**bench_pairs(options), **truth()}


def bench_of_peers(options: argparse.Namespace) -> dict[str, Any]:
    """Claims beside published packages."""
    return {**bench_peers(options), **truth()}


def bench_of_quotes(options: argparse.Namespace) -> dict[str, Any]:
    """A quote over a wallet of fifty and a list of many stores, beside a primary-key read."""
    return {**bench_quotes(seconds=options.seconds, rounds=options.rounds), **truth()}


def bench_grant(options: argparse.Namespace) -> dict[str, Any]:
    """A grant to many people beside bare COPY."""
    return {**grants.bench_grant(rows=options.rows, kinds=_kinds(options)), **truth()}


def bench_sweep(options: argparse.Namespace) -> dict[str, Any]:
    """The sweep of many vouchers beside one bare UPDATE."""
    return {**grants.bench_sweep(rows=options.rows, kinds=_kinds(options)), **truth()}


def _kinds(options: argparse.Namespace) -> tuple[str, ...]:
    return THREE_KEYS if options.three_keys else ONE_KEY


BENCHES = {
    "claims": bench_claims,
    "pairs": bench_of_pairs,
    "quotes": bench_of_quotes,
    "grant": bench_grant,
    "sweep": bench_sweep,
    "faults": bench_faults,
    "peers": bench_of_peers,
}


def main() -> int:
    """Run one measurement and write its figures."""
    parser = argparse.ArgumentParser(prog="./run bench")
    parser.add_argument("name", choices=sorted(BENCHES))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=6.0, help="length of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of a grant or a sweep")
    parser.add_argument("--three-keys", action="store_true", help="three limit keys a claim")
    parser.add_argument("--times", type=int, default=20, help="faults: how often each is made")
    parser.add_argument("--seed", type=int, default=33, help="faults: other moments")
    parser.add_argument("--only", default="", help="faults, pairs, peers: whose name has this")
    parser.add_argument("--home", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    command = " ".join(one for one in sys.argv[1:] if not one.startswith("--home"))
    report = {"bench": options.name, "command": command, "machine": machine()}
    try:
        report |= BENCHES[options.name](options)
    except EmbeddedError as error:
        say(f"error: {error}")
        return 1
    connections.close_all()
    text = orjson.dumps(report, option=orjson.OPT_INDENT_2)
    if options.json:
        options.json.write_bytes(text + b"\n")
    shown = ("ratios", "over_use", "wrong", "found_by_control", "oversold", "invariants")
    summary = {name: report[name] for name in shown if name in report}
    say(orjson.dumps(summary, option=orjson.OPT_INDENT_2).decode())
    sound = report["invariants"]["violations"] == report["oversold"] == report.get("wrong", 0) == 0
    return 0 if sound and report.get("found_by_control", 1) else 1


if __name__ == "__main__":
    sys.exit(main())
