"""Claims on one hot batch: the front beside a bare reply, plain REST framework, and bare Django.

Every round uses a batch of its own, so that all rounds meet the same state. A B A B … in one run;
the figure of a way is the median of its rounds.
"""

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import orjson
import psutil

from bench.load import LoadPlan, post_request
from bench.world import BenchWorld
from config.cli.platform import granian_spec
from config.hot_routes import DECIDER
from core.embedded.supervisor import Supervisor
from core.embedded.valkey import free_port

CLAIMS = "/api/v1/claims"
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Way:
    """One application under load: how it is served and which path is posted to."""

    name: str
    application: str
    interface: str = "rsgi"
    path: str = CLAIMS
    ready: str = "/metrics"
    writes: bool = True
    processes: int = 1
    cpu: int | None = None
    """The generator's only core."""
    answers: int = 201
    """The only status it may give: a way that refuses or fails is measured for nothing."""
    arguments: tuple[str, ...] = ()


FRONT = Way("front", "config.front:front")
FRONT_APART = replace(FRONT, name="front_apart", cpu=0)
TWO_FRONTS = replace(FRONT, name="two_fronts", processes=2, cpu=0)
SOLD_OUT = replace(FRONT, name="sold_out", writes=False, answers=409)
BARE_REPLY = Way("bare_reply", "bench.peers:bare_front", writes=False)
READ_REPLY = Way("read_reply", "bench.peers:read_front", writes=False)
NAIVE = Way(
    "naive", "bench.peers:naive", "wsgi", ready="/bare", arguments=("--blocking-threads=8",)
)
GATE = Way(
    "gate_insert",
    "bench.peers:naive",
    "wsgi",
    path="/gate",
    ready="/bare",
    arguments=("--blocking-threads=8",),
)
BARE_DJANGO = Way(
    "bare_django",
    "bench.peers:naive",
    "wsgi",
    path="/bare",
    ready="/bare",
    writes=False,
    arguments=("--blocking-threads=8",),
)


def requests_make(
    world: BenchWorld, way: Way, batch_id: str, *, start: int, count: int, port: int
) -> list[bytes]:
    """Return signed requests of ``count`` different people, ready to be written to a socket."""
    chosen = [world.people[(start + n) % len(world.people)] for n in range(count)]
    return [
        post_request(
            world.key,
            way.path,
            {"person_id": person, "batch_id": batch_id},
            idempotency_key=f"{batch_id[-12:]}-{start + number:08d}",
            port=port,
        )
        for number, person in enumerate(chosen)
    ]


@contextmanager
def served(supervisor: Supervisor, way: Way) -> Iterator[int]:
    """Serve a way with durable settings of the environment; yields its port."""
    port = free_port()
    spec = granian_spec(
        way.name,
        way.application,
        f"--interface={way.interface}",
        f"--workers={way.processes}",
        *way.arguments,
        env={**os.environ, "XFQ_LOG_LEVEL": "ERROR"},
        port=port,
        ready=way.ready,
    )
    supervisor.start(spec)
    try:
        yield port
    finally:
        supervisor.stop(way.name)
        del supervisor.children[way.name]


def sound(way: Way, result: dict[str, Any]) -> dict[str, Any]:
    """Return a round's result; SystemExit if anything but the expected answer came."""
    if set(result["statuses"]) != {str(way.answers)}:
        raise SystemExit(f"{way.name} answered {result['statuses']}, not only {way.answers}")
    return result


def load_play(plan: LoadPlan) -> dict[str, Any]:
    """Run the generator as a process of its own; add what CPU everybody used meanwhile."""
    with tempfile.NamedTemporaryFile(suffix=".plan") as file:
        file.write(pickle.dumps(plan))
        file.flush()
        before = cpu_seconds()
        done = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "bench.load", file.name],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            check=True,
        )
        after = cpu_seconds()
    result: dict[str, Any] = orjson.loads(done.stdout)
    answers = max(1, result["answers"])
    result["cpu_us"] = {
        "load": round(result.pop("cpu_s") / answers * 1e6),
        **{name: round((after[name] - before.get(name, 0.0)) / answers * 1e6) for name in after},
    }
    return result


def cpu_seconds() -> dict[str, float]:
    """Return the CPU used so far by PostgreSQL, Valkey, and the served application."""
    used = {"postgres": 0.0, "valkey": 0.0, "python": 0.0}
    for process in psutil.process_iter(["name", "cmdline", "cpu_times"]):
        name, times = process.info["name"] or "", process.info["cpu_times"]
        kind = next((one for one in ("postgres", "valkey") if one in name), "")
        line = " ".join(process.info["cmdline"] or [])
        if not kind and ("granian" in line or DECIDER in line):
            kind = "python"
        if kind and times:
            used[kind] += times.user + times.system
    return used


def rounds_play(
    supervisor: Supervisor,
    world: BenchWorld,
    ways: Mapping[Way, int],
    *,
    clients: int,
    seconds: float,
    rounds: int,
    batch_next: Callable[[], str],
    empty: str,
) -> dict[str, dict[str, Any]]:
    """Play ``rounds`` rounds of each way in turn; ``ways`` says how many requests a round has.

    Ways that write take the next batch each; the others are asked for ``empty``.
    """
    results: dict[str, list[dict[str, Any]]] = {way.name: [] for way in ways}
    for _ in range(rounds):
        for way, count in ways.items():
            with served(supervisor, way) as port:
                batch = batch_next() if way.writes else empty
                warm = requests_make(world, way, batch, start=0, count=clients, port=port)
                load_play(LoadPlan(port, min(clients, 32), seconds, warm))
                requests = requests_make(world, way, batch, start=clients, count=count, port=port)
                plan = LoadPlan(port, clients, seconds, requests, cpu=way.cpu)
                results[way.name].append(sound(way, load_play(plan)))
    return {name: summary(played) for name, played in results.items()}


def summary(played: list[dict[str, Any]]) -> dict[str, Any]:
    """Return medians, with every round beside them."""
    return {
        "per_s": median(one["per_s"] for one in played),
        "spread_per_s": [min(one["per_s"] for one in played), max(one["per_s"] for one in played)],
        "p50_ms": median(one["p50_ms"] for one in played),
        "p99_ms": median(one["p99_ms"] for one in played),
        "cpu_us": {
            part: median(one["cpu_us"][part] for one in played) for part in played[0]["cpu_us"]
        },
        "rounds": played,
    }
