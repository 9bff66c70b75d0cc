"""Trouble with the machine that a person has to solve."""

from pathlib import Path

LOG_TAIL_LINES = 15


class EmbeddedError(Exception):
    """A server or process cannot be started; the message says why and what to do."""


def log_tail(log: Path) -> str:
    """Return the last lines of a log file, indented, for an error message."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "  (no log)"
    return "\n".join(f"  {line}" for line in lines[-LOG_TAIL_LINES:])
