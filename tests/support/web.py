"""A real web process on a test's own database, and a real browser to look at it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from core.embedded.record import ServiceUrls
from core.embedded.valkey import HOST, free_port

PATIENCE_S = 60.0
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@contextmanager
def web_process(
    urls: ServiceUrls, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Serve the project on a free loopback port with the test's settings; yields its address."""
    arguments = ["--interface=wsgi", "--blocking-threads=4", "config.wsgi:application"]
    with _serving(arguments, urls, log, environment, "/api/v1/health/live") as (address, _):
        yield address


@contextmanager
def front_process(urls: ServiceUrls, log: Path) -> "Iterator[tuple[str, subprocess.Popen[bytes]]]":
    """Serve the hot front alone; yields its address and its process."""
    arguments = ["--interface=rsgi", "config.front:front"]
    with _serving(arguments, urls, log, None, "/metrics") as serving:
        yield serving


@contextmanager
def _serving(
    arguments: Sequence[str],
    urls: ServiceUrls,
    log: Path,
    environment: Mapping[str, str] | None,
    ready: str,
) -> "Iterator[tuple[str, subprocess.Popen[bytes]]]":
    port = free_port()
    address = f"http://{HOST}:{port}"
    program = str(Path(sys.executable).parent / "granian")
    command = [program, f"--host={HOST}", f"--port={port}", "--workers=1", "--no-ws", *arguments]
    env = {
        **os.environ,
        **urls.environment(),
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        **(environment or {}),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=env, stdout=output, stderr=output
        )
        try:
            _wait(f"{address}{ready}", process, log)
            yield address, process
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")
        try:
            if httpx.get(url, trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace"))
