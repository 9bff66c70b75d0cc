"""`./run bench NAME`: a measurement on a fresh database of durable servers."""

import os
import subprocess
import sys

from config.cli.demo import migrate
from config.cli.platform import platform_environment
from config.cli.rehearse import fresh_database
from config.cli.screen import step
from core.embedded.paths import CHECKOUT, instance_paths
from core.embedded.services import services_for

INSTANCE = "bench"


def run(argv: list[str]) -> int:
    """Run `python -m bench` with the services up; its exit code."""
    home = instance_paths(INSTANCE).home
    step("starting PostgreSQL and Valkey")
    with services_for(os.environ, instance=INSTANCE) as services, fresh_database(services) as urls:
        migrate(urls)
        return subprocess.run(
            [sys.executable, "-m", "bench", *argv, f"--home={home}"],
            cwd=CHECKOUT,
            env=platform_environment(urls),
            check=False,
        ).returncode
