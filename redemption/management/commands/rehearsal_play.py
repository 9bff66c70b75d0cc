"""``manage.py rehearsal_play``: the actors of a rehearsal, against a platform that runs already."""

import json
import os
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from campaigns.definition.document import definition_build
from campaigns.definition.reading import definition_read
from campaigns.definition.writing import definition_scaled
from redemption.rehearsal.play import Rehearsal
from redemption.rehearsal.report import report_make
from redemption.rehearsal.world import World

DEFINITION_SCALE = 1000
STATUS_EVERY_S = 0.2


class Command(BaseCommand):
    """Play the demonstration programme and write the figures; `./run rehearse` calls this."""

    help = "Play a whole programme through the API of a running platform (fresh database only)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--base-url", required=True)
        parser.add_argument("--definition", type=Path, required=True)
        parser.add_argument("--scale", type=int, default=DEFINITION_SCALE)
        parser.add_argument("--seed", type=int, default=33)
        parser.add_argument("--days", type=int, help="end the campaign after so many days")
        parser.add_argument("--status", type=Path, required=True, help="rewritten as it goes on")
        parser.add_argument("--report", type=Path, required=True, help="JSON with all figures")

    def handle(self, *args: Any, **options: Any) -> None:
        """Play, then write the report."""
        path: Path = options["definition"]
        document = definition_read(path.read_bytes(), path.name)
        if options["days"]:
            document = _shortened(document, options["days"])
        definition = definition_build(document)
        factor = Fraction(DEFINITION_SCALE, options["scale"])
        rehearsal = Rehearsal(
            base_url=options["base_url"],
            world=World(options["scale"], options["seed"]),
            document=definition_scaled(definition, factor).document(),
            progress=_StatusFile(options["status"]),
        )
        started = time.monotonic()
        campaign = rehearsal.play()
        report = report_make(rehearsal, campaign, seconds=time.monotonic() - started)
        _write(options["report"], report)


def _shortened(document: Mapping[str, Any], days: int) -> dict[str, Any]:
    """Return the same programme, all its units included, over fewer days."""
    starts_at = datetime.fromisoformat(str(document["starts_at"]))
    return {**document, "ends_at": (starts_at + timedelta(days=days)).isoformat()}


class _StatusFile:
    """Keeps a small file with what is going on, for whoever draws a progress bar."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = 0.0

    def __call__(self, label: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self.written < STATUS_EVERY_S:
            return
        self.written = now
        _write(self.path, {"label": label, "done": done, "total": total})


def _write(path: Path, value: object) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
    os.replace(temporary, path)
