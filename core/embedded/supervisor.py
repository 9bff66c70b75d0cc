"""Child processes of a demonstration or rehearsal: started with a log, watched, stopped in order.

Each child leads a process group of its own, so stopping it takes its workers along. Their ids are
recorded, so that a later start or `stop` can end what a killed supervisor left behind.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from core.embedded.errors import EmbeddedError, log_tail
from core.embedded.locks import exclusive
from core.embedded.processes import spawn

TERM_SECONDS = 20.0
KILL_SECONDS = 5.0
# A supervisor waits for each of its children in turn.
SUPERVISOR_SECONDS = 90.0
POLL_SECONDS = 0.1
MOST_RESTARTS = 3
PATIENCE_SECONDS = 60.0
"""What ends more often than that in this time is broken, not unlucky."""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to run: `ready` is asked until it says True, for at most `ready_seconds`."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    ready: Callable[[], bool] | None = None
    ready_seconds: float = 60.0


@dataclass(slots=True)
class Child:
    """A started process with its log file."""

    spec: ChildSpec
    process: subprocess.Popen[bytes]
    log: Path


class Supervisor:
    """Starts children in order and stops them in the opposite order."""

    def __init__(self, home: Path) -> None:
        """Keep logs under `home/logs` and the ids in `home/processes.json`."""
        self.home = home
        self.children: dict[str, Child] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """End what a killed supervisor left on this home; EmbeddedError if one is at work."""
        (self.home / "logs").mkdir(parents=True, exist_ok=True)
        try:
            self._stack.enter_context(exclusive(self.home / "supervisor.lock", wait=False))
        except BlockingIOError:
            message = f"already running under {self.home}; end it first with `./run stop`"
            raise EmbeddedError(message) from None
        leftovers_stop(self.home)
        self._write_record()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop whatever still runs."""
        self.stop_all()
        _record(self.home).unlink(missing_ok=True)
        self._stack.close()

    def log_path(self, name: str) -> Path:
        """Return the log file of the child of that name."""
        return self.home / "logs" / f"{name}.log"

    def start(self, spec: ChildSpec) -> Child:
        """Start a child and wait until it is ready; EmbeddedError with its last log lines."""
        log = self.log_path(spec.name)
        process = spawn(spec.argv, log=log, cwd=spec.cwd, env=spec.env)
        child = self.children[spec.name] = Child(spec, process, log)
        self._write_record()
        deadline = time.monotonic() + spec.ready_seconds
        while spec.ready is not None and not spec.ready():
            if process.poll() is not None or time.monotonic() > deadline:
                message = f"{spec.name} did not become ready, see {log}:\n{log_tail(log)}"
                raise EmbeddedError(message)
            time.sleep(POLL_SECONDS)
        return child

    def restart(self, name: str) -> Child:
        """Start a child again from its specification, ending it first if it still lives."""
        self.stop(name)
        return self.start(self.children[name].spec)

    def kill(self, name: str) -> None:
        """End a child and its group with KILL, as a crash would; `restart` brings it back."""
        os.killpg(self.children[name].process.pid, signal.SIGKILL)
        self.children[name].process.wait(KILL_SECONDS)

    def stop(self, name: str) -> None:
        """Stop one child and its group: TERM, then KILL."""
        process = self.children[name].process
        _stop_group(process.pid, partial(_wait, process))
        process.poll()

    def stop_all(self) -> None:
        """Stop all children, the last started first."""
        for name in reversed(self.children):
            self.stop(name)
        self.children.clear()

    def dead(self) -> list[Child]:
        """Return the children that have ended."""
        return [child for child in self.children.values() if child.process.poll() is not None]

    def wait(self) -> None:
        """Block until the caller is interrupted; start again what ends, as a service manager does.

        Raises:
            EmbeddedError: a child has ended again and again, with its last words.
        """
        ends: dict[str, list[float]] = defaultdict(list)
        while True:
            for child in self.dead():
                name, now = child.spec.name, time.monotonic()
                ends[name] = [at for at in ends[name] if now - at < PATIENCE_SECONDS] + [now]
                if len(ends[name]) > MOST_RESTARTS:
                    message = (
                        f"{name} ended with code {child.process.returncode}, "
                        f"see {child.log}:\n{log_tail(child.log)}"
                    )
                    raise EmbeddedError(message)
                self.restart(name)
            time.sleep(POLL_SECONDS)

    def _write_record(self) -> None:
        entries = [_entry(os.getpid(), "supervisor")]
        entries += [
            _entry(child.process.pid, name)
            for name, child in self.children.items()
            if child.process.poll() is None
        ]
        path = _record(self.home)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(entries), encoding="utf-8")
        temporary.replace(path)


def leftovers_stop(home: Path) -> int:
    """Stop the processes recorded under `home` that still live; return how many there were.

    A living supervisor is asked first, and stops its children itself.
    """
    path = _record(home)
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
    living = [entry for entry in entries if _process(entry) is not None]
    for entry in living:
        process = _process(entry)
        if process is None:
            continue
        if entry["name"] == "supervisor":
            process.terminate()
            _wait_foreign(process, SUPERVISOR_SECONDS)
        else:
            _stop_group(process.pid, partial(_wait_foreign, process))
    path.unlink(missing_ok=True)
    return len(living)


def _record(home: Path) -> Path:
    return home / "processes.json"


def _entry(pid: int, name: str) -> dict[str, object]:
    return {"pid": pid, "name": name, "started": psutil.Process(pid).create_time()}


def _process(entry: dict[str, Any]) -> psutil.Process | None:
    try:
        process = psutil.Process(entry["pid"])
        same = process.create_time() == entry["started"]
    except psutil.NoSuchProcess:
        return None
    return process if same and process.status() != psutil.STATUS_ZOMBIE else None


def http_ready(url: str) -> Callable[[], bool]:
    """Return a question for ChildSpec.ready: does the server answer, with whatever status?"""

    def answers() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - a loopback URL of ours
                return True
        except urllib.error.HTTPError as error:
            return error.code < 500
        except OSError:
            return False

    return answers


def _stop_group(leader: int, wait: Callable[[float], bool]) -> None:
    """TERM to the leader, which ends its workers in good order; KILL to what is left of them."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(leader, signal.SIGTERM)
        wait(TERM_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
        wait(KILL_SECONDS)


def _wait(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _wait_foreign(process: psutil.Process, seconds: float) -> bool:
    try:
        process.wait(timeout=seconds)
    except psutil.TimeoutExpired:
        return False
    return True
