"""`./run check`: everything that can be checked without running the tests."""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from config.cli.screen import say, step
from core.embedded.paths import CHECKOUT

ROOMS = ["config", "redemption", "vouchers", "campaigns", "merchants", "core"]
SOURCES = [*ROOMS, "bench", "tests", "conftest.py", "manage.py"]
MAX_MODULE_LINES = 400
MODULES = {".py", ".sql", ".html", ".css", ".js"}


def run(argv: list[str]) -> int:
    """Run all checks, also after one fails; return 1 if any failed."""
    argparse.ArgumentParser(prog="./run check").parse_args(argv)
    failed = []
    for name, command in _commands():
        step(name)
        started = time.monotonic()
        code = subprocess.run(command, cwd=CHECKOUT, env=_environment(), check=False).returncode
        say(f"    {'ok' if code == 0 else 'FAILED'} in {time.monotonic() - started:.1f} s")
        if code != 0:
            failed.append(name)
    step("module length")
    for path, lines in long_modules(CHECKOUT):
        say(f"    {path}: {lines} lines, at most {MAX_MODULE_LINES}")
        failed.append(str(path))
    say(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def long_modules(checkout: Path) -> list[tuple[Path, int]]:
    """Return the modules (migrations aside, they are written once) beyond the hard limit."""
    found = []
    for room in [*ROOMS, "bench", "tests"]:
        for path in sorted((checkout / room).rglob("*")):
            if path.suffix not in MODULES or "migrations" in path.parts:
                continue
            lines = path.read_text(encoding="utf-8").count("\n")
            if lines > MAX_MODULE_LINES:
                found.append((path.relative_to(checkout), lines))
    return found


def _commands() -> list[tuple[str, list[str]]]:
    sources = [name for name in SOURCES if (CHECKOUT / name).exists()]
    programs = Path(sys.executable).parent
    python = sys.executable
    commands = [
        ("ruff check", [python, "-m", "ruff", "check", *sources]),
        ("ruff format", [python, "-m", "ruff", "format", "--check", *sources]),
        ("mypy", [python, "-m", "mypy", *sources]),
        ("import contracts", [str(programs / "lint-imports"), "--no-logo"]),
        ("django check", [python, "manage.py", "check", "--fail-level", "WARNING"]),
        (
            "migrations complete",
            # Compares models with migration files; the database is not asked.
            [
                python,
                "-W",
                "ignore::RuntimeWarning",
                "manage.py",
                "makemigrations",
                "--check",
                "--dry-run",
                *_apps(),
            ],
        ),
    ]
    templates = [str(folder) for folder in _templates()]
    if templates:
        commands.append(("templates", [python, "-m", "djlint", "--lint", "--quiet", *templates]))
    return commands


def _apps() -> list[str]:
    return [room for room in ROOMS if (CHECKOUT / room / "migrations").is_dir()]


def _templates() -> list[Path]:
    return [path for room in ROOMS for path in (CHECKOUT / room).rglob("templates")]


def _environment() -> dict[str, str]:
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test"}
