"""A real web process on a test's own database, and a real browser to look at it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
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
    port = free_port()
    address = f"http://{HOST}:{port}"
    command = [
        str(Path(sys.executable).parent / "granian"),
        "--interface=wsgi",
        f"--host={HOST}",
        f"--port={port}",
        "--workers=1",
        "--blocking-threads=4",
        "--no-ws",
        "config.wsgi:application",
    ]
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
            _wait(address, process, log)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")
        try:
            if httpx.get(f"{address}/api/v1/health/live", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace"))
