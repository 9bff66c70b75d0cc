"""The production example: filled in, Django's deployment check has nothing to say."""

import base64
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import yaml

from core.embedded.record import ServiceUrls

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deploy" / "production.env.example"


def example_environment(urls: ServiceUrls) -> dict[str, str]:
    """Return the example with its blanks filled and the test servers for its hosts."""
    lines = re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    values = dict(lines)
    key = "1:" + base64.b64encode(secrets.token_bytes(32)).decode()
    blanks = {"SECRET_KEY": secrets.token_urlsafe(64), "XFQ_PEPPERS": key, "XFQ_SECRET_KEYS": key}
    assert {name for name, value in lines if not value} == set(blanks)
    return values | blanks | urls.environment()


def test_the_example_filled_in_passes_the_deployment_check(
    service_urls: ServiceUrls, tmp_path: Path
) -> None:
    environment = example_environment(service_urls) | {
        "PATH": os.environ["PATH"],
        "XFQ_RUN_DIR": str(tmp_path),
        "XFQ_FILES_DIR": str(tmp_path / "files"),
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "INFO"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_the_containers_front_is_the_units_front() -> None:
    compose = yaml.safe_load((ROOT / "deploy" / "compose.example.yaml").read_text(encoding="utf-8"))
    unit = (ROOT / "deploy" / "systemd" / "xfq-front@.service").read_text(encoding="utf-8")
    (started,) = re.findall(r"^ExecStart=\S+/granian (.*)$", unit, re.MULTILINE)
    inside = started.replace("127.0.0.1", "0.0.0.0").replace("%i", "8000").split()  # noqa: S104
    assert compose["services"]["front"]["command"] == ["granian", *inside]


def unit_lines(name: str) -> list[str]:
    """Return the lines of a unit."""
    return (ROOT / "deploy" / "systemd" / name).read_text(encoding="utf-8").splitlines()


def test_a_stopped_worker_finishes_what_it_has() -> None:
    """systemd's default sends SIGTERM to the children too, which end in the middle of a task."""
    assert "KillMode=mixed" in unit_lines("xfq-worker@.service")


def test_no_unit_stops_trying_while_the_database_is_away() -> None:
    units = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
    assert len(units) == 4
    for unit in units:
        lines = unit_lines(unit.name)
        assert lines.index("StartLimitIntervalSec=0") < lines.index("[Service]"), unit.name
        assert "Restart=always" in lines, unit.name
        assert "RestartSec=2" in lines, unit.name
