"""Runs the actors of a rehearsal, draws their progress, and keeps the platform's processes up."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from config.cli.screen import ProgressBar, say
from core.embedded.errors import EmbeddedError, log_tail
from core.embedded.paths import CHECKOUT
from core.embedded.processes import spawn
from core.embedded.supervisor import Supervisor

DEFINITION = CHECKOUT / "campaigns" / "definitions" / "guangxi-33-demo.yaml"
LOOK_EVERY_S = 0.3


@dataclass(frozen=True, slots=True)
class Played:
    """The figures of a rehearsal and the table that shows them."""

    figures: dict[str, Any]
    table: str

    def show(self) -> None:
        """Print the table, and where the printable reports lie."""
        say(self.table)
        for name, path in self.figures["files"].items():
            say(f"    {name}: {path}")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something bad that happens once the rehearsal is ``share`` done."""

    share: float
    name: str
    do: Callable[[], None]


def play(
    supervisor: Supervisor,
    env: Mapping[str, str],
    address: str,
    *,
    scale: int,
    seed: int,
    days: int | None = None,
    faults: bool = False,
) -> Played:
    """Play a programme against the platform at ``address``; EmbeddedError if that breaks off.

    A process of the platform that dies is started again, as a service manager would.
    """
    folder = supervisor.home
    status, report = folder / "rehearsal-status.json", folder / "rehearsal.json"
    for old in (status, report):
        old.unlink(missing_ok=True)
    argv = [
        *(sys.executable, "manage.py", "rehearsal_play"),
        *(f"--base-url={address}", f"--definition={DEFINITION}"),
        *(f"--scale={scale}", f"--seed={seed}"),
        *([f"--days={days}"] if days else []),
        *(f"--status={status}", f"--report={report}"),
    ]
    log = supervisor.log_path("rehearsal")
    actors = spawn(argv, log=log, cwd=CHECKOUT, env=env)
    planned = list(_faults(supervisor, env)) if faults else []
    try:
        happened, restarts = _attend(supervisor, actors, status, planned)
    finally:
        if actors.poll() is None:
            actors.terminate()
            actors.wait(timeout=30)
    if actors.returncode != 0:
        message = f"the rehearsal broke off, see {log}:\n{log_tail(log)}"
        raise EmbeddedError(message)
    figures = json.loads(report.read_text(encoding="utf-8"))
    table = str(figures.pop("table"))
    return Played({**figures, "faults": happened, "restarts": restarts}, table)


def _attend(
    supervisor: Supervisor, actors: subprocess.Popen[bytes], status: Path, planned: list[Fault]
) -> tuple[list[str], int]:
    bar = ProgressBar()
    happened: list[str] = []
    restarts = 0
    while actors.poll() is None:
        time.sleep(LOOK_EVERY_S)
        state = _status(status)
        bar.show(state["label"], state["done"], state["total"])
        # One at a time: what was killed is up again before the next one comes.
        if planned and state["done"] >= planned[0].share * max(state["total"], 1) > 0:
            fault = planned.pop(0)
            fault.do()
            happened.append(fault.name)
            say(f"\n    fault: {fault.name}")
        for child in supervisor.dead():
            supervisor.restart(child.spec.name)
            restarts += 1
    bar.end()
    return happened, restarts


def _status(path: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"label": "", "done": 0, "total": 0}
    return state


def _faults(supervisor: Supervisor, env: Mapping[str, str]) -> Iterator[Fault]:
    """Kill worker, web and front in the middle, and empty Valkey."""

    def kill(name: str) -> Callable[[], None]:
        return lambda: supervisor.kill(name)

    def flush() -> None:
        with redis.Redis.from_url(env["REDIS_URL"]) as broker:
            broker.flushdb()

    yield Fault(0.50, "kill -9 worker", kill("worker"))
    yield Fault(0.55, "kill -9 front", kill("front"))
    yield Fault(0.60, "kill -9 web", kill("web"))
    yield Fault(0.70, "flush Valkey", flush)
    yield Fault(0.75, "kill -9 front", kill("front"))
    yield Fault(0.80, "kill -9 web", kill("web"))
    yield Fault(0.85, "kill -9 worker", kill("worker"))
