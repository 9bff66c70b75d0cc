"""A throwaway virtual environment with one published package, through the ordinary pip."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from config.cli.screen import say, step
from core.embedded.errors import EmbeddedError

INSTALL_S = 1_200


@dataclass(frozen=True, slots=True)
class Throwaway:
    """Where it is and what is in it."""

    folder: Path
    install_s: float
    packages: dict[str, str]

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.folder / "bin" / "python")


@contextmanager
def throwaway(*requirements: str) -> Iterator[Throwaway]:
    """Make an environment with these requirements; pip is configured as the user has it.

    Raises:
        EmbeddedError: the packages could not be installed; says why.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder, started = Path(name), time.monotonic()
        step(f"installing {', '.join(requirements)} into a throwaway environment")
        _run([sys.executable, "-m", "venv", name])
        pip = [str(folder / "bin" / "python"), "-m", "pip"]
        _run([*pip, "install", "--quiet", "--disable-pip-version-check", *requirements])
        install_s = round(time.monotonic() - started, 1)
        listed = orjson.loads(_run([*pip, "list", "--format=json"]))
        packages = {one["name"].lower(): one["version"] for one in listed}
        say(f"    {len(packages)} packages in {install_s} s")
        yield Throwaway(folder, install_s, packages)


def _run(command: list[str]) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 - pip, with requirements of ours
            command, capture_output=True, check=False, timeout=INSTALL_S
        )
    except subprocess.TimeoutExpired as error:
        raise EmbeddedError(f"not installed after {INSTALL_S} s: {command[-1]}") from error
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise EmbeddedError(f"not installed: {command[-1]}: {' '.join(last)}")
    return done.stdout
