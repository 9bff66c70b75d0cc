"""Entry point of the process that decides for a front: `python -m config.decider`, by the front."""

import os
import socket
from functools import partial
from typing import Final

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.development")
django.setup()

from config.hot_routes import HOT_ROUTES  # noqa: E402 - needs the settings
from core.api.hot_calls import group_answer  # noqa: E402
from core.clock_checks import moved_clock_refuse  # noqa: E402
from core.commit.deciding import decisions_serve  # noqa: E402

FRONT: Final = 0
"""The front's end is the standard input."""


def main() -> None:
    """Decide what the front sends until it goes."""
    moved_clock_refuse()
    with socket.socket(fileno=FRONT) as other_half:
        decisions_serve(
            other_half, {route.name: partial(group_answer, route) for route in HOT_ROUTES}
        )


if __name__ == "__main__":
    main()
