"""A deciding process for tests, whose services do what their name says."""

import os
import socket
import time
from collections.abc import Sequence

import django

django.setup()

from core.commit.deciding import decisions_serve  # noqa: E402 - needs the settings


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


if __name__ == "__main__":
    with socket.socket(fileno=0) as other_half:
        services = {service.__name__: service for service in (double, fail, die, sleep, pid)}
        decisions_serve(other_half, services)
