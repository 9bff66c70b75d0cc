"""The memory a measurement reports is the process's own."""

import subprocess
import sys

from bench.memory import peak_mb

HELD_MB = 200
ROOM_MB = 40
"""Of a bare interpreter."""


def test_the_peak_stays_after_the_memory_is_given_back() -> None:
    before = peak_mb()
    held = b"x" * (HELD_MB << 20)
    assert len(held) == HELD_MB << 20
    del held
    assert peak_mb() >= max(before, HELD_MB)


def test_the_memory_of_the_parent_is_not_the_childs() -> None:
    held = b"x" * (HELD_MB << 20)
    told = subprocess.run(
        [sys.executable, "-c", "from bench.memory import peak_mb; print(peak_mb())"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(held) == HELD_MB << 20
    assert 1 < float(told.stdout) < ROOM_MB
