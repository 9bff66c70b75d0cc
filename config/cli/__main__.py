"""Dispatcher of `./run`: finds the sub-command and translates trouble into a message."""

import signal
import sys
from types import FrameType

from config.cli import bench, check, demo, manage, rehearse, servers, tests
from config.cli.screen import say
from core.embedded.errors import EmbeddedError

COMMANDS = {
    "demo": (demo.run, "start everything on this machine and serve until Ctrl-C"),
    "rehearse": (rehearse.run, "play a whole programme on a fresh database and reconcile it"),
    "bench": (bench.run, "measure a hot path against its peers on a fresh database"),
    "test": (tests.run, "run the test-suite (arguments go to pytest)"),
    "check": (check.run, "formatting, types, import contracts, migrations, settings"),
    "manage": (manage.run, "manage.py with the embedded services up"),
    "services": (servers.start, "start the embedded services and leave them running"),
    "stop": (servers.stop, "stop the embedded services and what a demo left running"),
    "reset": (servers.reset, "stop, and delete the embedded services' data"),
}
INTERRUPTED = 130


def usage() -> str:
    """Return the list of sub-commands."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    lines.append(f"  {'lock':<{width}}  resolve the lock files again after a change in pyproject")
    return "\n".join(["usage: ./run COMMAND [ARGUMENTS]", "", *lines])


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Unwind as Ctrl-C does, so that everything started is stopped."""
    del number, frame
    raise KeyboardInterrupt


def main(argv: list[str]) -> int:
    """Run a sub-command; return its exit code."""
    if not argv or argv[0] not in COMMANDS:
        say(usage())
        return 0 if argv and argv[0] in {"help", "-h", "--help"} else 2
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        return COMMANDS[argv[0]][0](argv[1:])
    except EmbeddedError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
