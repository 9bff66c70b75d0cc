"""Start, find and stop processes by their id."""

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

LOOK_S = 0.1
# Servers outlive the launcher; holding on to them keeps Python from complaining about that.
_SPAWNED: list[subprocess.Popen[bytes]] = []


def run_as(account: pwd.struct_passwd | None) -> dict[str, object]:
    """Return the subprocess arguments that change to the account, if one is given."""
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def clean_environment() -> dict[str, str]:
    """Return an environment without the caller's PG…, LC_… and Python settings."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C", "TZ": "UTC"}


def spawn(
    argv: Sequence[str],
    *,
    log: Path,
    cwd: Path,
    env: Mapping[str, str],
    account: pwd.struct_passwd | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, with both outputs appended to the log."""
    with log.open("ab") as output:
        process: subprocess.Popen[bytes] = subprocess.Popen(  # type: ignore[call-overload]  # noqa: S603
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=dict(env),
            start_new_session=True,
            **run_as(account),
        )
    _SPAWNED.append(process)
    return process


def pid_from_file(pid_file: Path, marker: str) -> int | None:
    """Return the id in a pid file if that process lives and its command names the marker.

    The marker (a data folder) tells our server from a stranger that got the same id later.
    """
    try:
        pid = int(pid_file.read_text(encoding="utf-8").split()[0])
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or marker not in process.cmdline():
            return None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    return pid


def stop_pid(pid: int, signals: Sequence[tuple[signal.Signals, float]]) -> bool:
    """Send each signal in turn, waiting its seconds; tell whether the process is gone."""
    try:
        process = psutil.Process(pid)
        for number, seconds in signals:
            process.send_signal(number)
            if _ended(process, seconds):
                return True
    except psutil.NoSuchProcess:
        return True
    return False


def _ended(process: psutil.Process, seconds: float) -> bool:
    """Wait for an end, at most so long; one that its own parent has not taken note of is one."""
    deadline = time.monotonic() + seconds
    while (left_s := deadline - time.monotonic()) > 0:
        try:
            process.wait(timeout=min(LOOK_S, left_s))
        except psutil.TimeoutExpired:
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
        else:
            return True
    return False
