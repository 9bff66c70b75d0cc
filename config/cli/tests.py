"""`./run test`: pytest on as many processes as there are cores."""

import os
import subprocess
import sys

from core.embedded.paths import CHECKOUT

MIN_PROCESSES = 2


def run(argv: list[str]) -> int:
    """Run pytest with the arguments; `-n` may be given to override the number of processes."""
    processes = max(MIN_PROCESSES, os.cpu_count() or MIN_PROCESSES)
    chosen = any(part.startswith(("-n", "--numprocesses")) for part in argv)
    spread = [] if chosen else ["-n", str(processes), "--dist", "worksteal"]
    command = [sys.executable, "-m", "pytest", *spread, *argv]
    return subprocess.run(command, cwd=CHECKOUT, check=False).returncode
