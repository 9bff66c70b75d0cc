"""A deciding process for tests, whose services do what their name says."""

import os
import socket
import sys
import time
from collections.abc import Sequence

import django

django.setup()

from core.commit.decider import LEAVE_S  # noqa: E402 - needs the settings
from core.commit.deciding import decisions_serve  # noqa: E402


def double(commands: Sequence[int]) -> list[int]:
    return [command * 2 for command in commands]


def fail(commands: Sequence[int]) -> list[int]:
    raise ValueError(commands)


def die(commands: Sequence[int]) -> list[int]:
    os._exit(commands[0])


def sleep(commands: Sequence[float]) -> list[float]:
    time.sleep(commands[0])
    return list(commands)


def pid(commands: Sequence[int]) -> list[int]:
    return [os.getpid() for _ in commands]


def leave(commands: Sequence[int]) -> list[int]:
    raise SystemExit(commands[0])


def unsendable(commands: Sequence[int]) -> list[object]:
    return [lambda: 0 for _ in commands]


class Unreadable:
    """Can be sent, but makes an error of whoever reads it."""

    def __reduce__(self) -> tuple[type[int], tuple[str]]:
        """Spell what is no number."""
        return int, ("no number",)


def unreadable(commands: Sequence[int]) -> list[object]:
    return [Unreadable() for _ in commands]


if __name__ == "__main__":
    with socket.socket(fileno=0) as other_half:
        several = (double, fail, die, sleep, pid, leave, unsendable, unreadable)
        services = {service.__name__: service for service in several}
        decisions_serve(other_half, services, float(sys.argv[1]) if sys.argv[1:] else LEAVE_S)
