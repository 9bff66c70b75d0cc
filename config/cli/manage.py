"""`./run manage …`: Django's command line with the services up."""

import os
import subprocess
import sys

from core.embedded.paths import CHECKOUT
from core.embedded.services import services_for


def run(argv: list[str]) -> int:
    """Run `manage.py` with the arguments; the services stop again unless they already ran."""
    with services_for(os.environ) as urls:
        return subprocess.run(
            [sys.executable, "manage.py", *argv],
            cwd=CHECKOUT,
            env={**os.environ, **urls.environment()},
            check=False,
        ).returncode
