"""What the command line says to the person in front of it."""

import sys

BAR = 30


def say(text: str) -> None:
    """Write a line at once (also into a pipe)."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def step(text: str) -> None:
    """Announce a step that takes a moment."""
    say(f"==> {text}")


class ProgressBar:
    """A bar that redraws itself on a terminal, and writes a line per new label elsewhere."""

    def __init__(self) -> None:
        """Nothing is drawn until `show`."""
        self.label = ""

    def show(self, label: str, done: int, total: int) -> None:
        """Draw how far the work is."""
        if sys.stdout.isatty():
            filled = BAR * done // max(total, 1)
            bar = "█" * filled + "░" * (BAR - filled)
            sys.stdout.write(f"\r\033[K    {bar} {done}/{total} {label}")
            sys.stdout.flush()
        elif label != self.label:
            say(f"    {label} ({done}/{total})")
        self.label = label

    def end(self) -> None:
        """Leave the line."""
        if self.label and sys.stdout.isatty():
            say("")
