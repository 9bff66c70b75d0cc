"""What the command line says to the person in front of it."""

import sys


def say(text: str) -> None:
    """Write a line at once (also into a pipe)."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def step(text: str) -> None:
    """Announce a step that takes a moment."""
    say(f"==> {text}")
